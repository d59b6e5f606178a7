//! What a statement can fail with.

/// A rule of the schema that a caller may break in the course of honest work, by its name in the migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// An order pays for one live or completed job.
    OneJobPerOrder,
    /// A job goes only from one status to those that may follow it.
    JobTransition,
    /// Another rule; breaking it is a bug.
    Other,
}

impl Constraint {
    fn named(name: &str) -> Self {
        match name {
            "jobs_one_per_order" => Self::OneJobPerOrder,
            "jobs_transition" => Self::JobTransition,
            _ => Self::Other,
        }
    }
}

/// The database refused, did not answer, or holds what it should not.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule of the schema.
    #[error("the database refused a change that breaks `{name}`")]
    Constraint {
        /// Which.
        constraint: Constraint,
        /// Its name in the schema.
        name: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// A column holds what the program never writes.
    #[error("column `{column}` holds a value that this version can not read; was the database edited by hand?")]
    Unreadable {
        /// Which.
        column: &'static str,
    },
    /// Everything else.
    #[error("the database did not do as asked: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// The broken rule, if that is what failed.
    pub fn constraint(&self) -> Option<Constraint> {
        match self {
            Self::Constraint { constraint, .. } => Some(*constraint),
            Self::Unreadable { .. } | Self::Database(_) => None,
        }
    }

    /// True if Postgres could not be reached, went away or is starting or stopping: nothing is wrong with the request.
    pub fn is_outage(&self) -> bool {
        let Self::Database(error) = self else { return false };
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            // Classes of Postgres' appendix A: connection exception, too many connections, operator intervention.
            sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| {
                code.starts_with("08") || code == "53300" || matches!(&*code, "57P01" | "57P02" | "57P03")
            }),
            _ => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|e| e.constraint()) {
            Some(name) => {
                Self::Constraint { constraint: Constraint::named(name), name: name.to_owned(), source: error }
            }
            None => Self::Database(error),
        }
    }
}
