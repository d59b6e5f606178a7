//! A market's database: in a Postgres of its own, or in one that the user names.

use std::sync::Arc;

use crate::{Error, Postgres, Scratch, postgres};

/// A market's database. Dropping it removes it.
#[derive(Debug)]
pub enum Database {
    /// In a Postgres of its own.
    Own(Postgres),
    /// In somebody's Postgres, with a name of its own.
    Guest(Guest),
}

/// A database of our own in somebody's Postgres.
#[derive(Debug)]
pub struct Guest {
    host: String,
    name: String,
    url: String,
}

impl Database {
    /// Starts a Postgres, or makes a database in the one at `host`.
    ///
    /// # Errors
    /// If Postgres does not start, or the user of `host` may not make a database.
    pub async fn open(scratch: &Arc<Scratch>, host: Option<&str>) -> Result<Self, Error> {
        let Some(host) = host else { return Ok(Self::Own(Postgres::start_in(scratch).await?)) };
        // The directory's name is as random as a name needs to be.
        let random = scratch.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = random.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let url = beside(host, &name)
            .ok_or_else(|| Error::Unexpected("DATABASE_URL is no URL like postgres://user@host/database".into()))?;
        postgres::create_database(host, &name).await?;
        Ok(Self::Guest(Guest { host: host.into(), name, url }))
    }

    /// Its address.
    pub fn url(&self) -> String {
        match self {
            Self::Own(postgres) => postgres.url(),
            Self::Guest(guest) => guest.url.clone(),
        }
    }

    /// The Postgres, if it is ours.
    pub fn postgres(&mut self) -> Option<&mut Postgres> {
        match self {
            Self::Own(postgres) => Some(postgres),
            Self::Guest(_) => None,
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let (host, name) = (self.host.clone(), self.name.clone());
        // A runtime of its own on a thread of its own: a drop may happen inside or outside of another.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(postgres::drop_database(&host, &name)).ok()
        });
        if !matches!(dropped.join(), Ok(Some(()))) {
            eprintln!("the database \"{}\" could not be removed; remove it with DROP DATABASE", self.name);
        }
    }
}

/// The URL with another database.
fn beside(url: &str, name: &str) -> Option<String> {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let (scheme, rest) = base.split_once("://")?;
    let authority = rest.split('/').next()?;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{scheme}://{authority}/{name}{query}"))
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn keeps_everything_but_the_database() {
        assert_eq!(
            beside("postgres://u:p@h:1/a?sslmode=require", "b").unwrap(),
            "postgres://u:p@h:1/b?sslmode=require"
        );
        assert_eq!(beside("postgres://h", "b").unwrap(), "postgres://h/b");
        assert_eq!(
            beside("postgres://u@localhost/a?host=/tmp/x", "b").unwrap(),
            "postgres://u@localhost/b?host=/tmp/x"
        );
        assert_eq!(beside("nonsense", "b"), None);
    }
}
