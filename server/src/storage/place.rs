//! Where the bytes are kept: a directory, or a bucket of an S3-compatible store.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use object_store::{
    ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    path::Path,
    prefix::PrefixStore,
};

use super::StorageError;

/// A request to the bucket is repeated so often.
const TRIES: usize = 4;
/// And for so long.
const TRY_FOR: Duration = Duration::from_secs(30);

/// A directory or a bucket.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// On this machine, or mounted there.
    Directory(PathBuf),
    /// Of an S3-compatible store.
    Bucket(Bucket),
}

/// A bucket and how to sign for it.
#[derive(Clone, PartialEq)]
pub struct Bucket {
    name: String,
    prefix: Path,
    settings: Vec<(AmazonS3ConfigKey, String)>,
}

impl fmt::Debug for Bucket {
    // The settings hold a secret key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket(s3://{}/{})", self.name, self.prefix)
    }
}

/// A place that can not be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// `--storage`.
    #[error("`{0}` is not a place to store bytes; give a directory or s3://bucket/prefix")]
    Place(String),
    /// `--storage-endpoint`.
    #[error("`{0}` is not an endpoint of an object store; it should look like https://s3.example")]
    Endpoint(String),
    /// An endpoint for a directory.
    #[error("--storage-endpoint is for s3:// only, and --storage is a directory; leave one of them out")]
    EndpointOfDirectory,
}

impl Place {
    /// Reads `--storage` and `--storage-endpoint`. `environment` holds variables as AWS names them
    /// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`, …); others are ignored. Plain
    /// HTTP is used only if the endpoint itself says so.
    ///
    /// # Errors
    /// If the texts are of another form.
    pub fn parse(
        place: &str,
        endpoint: Option<&str>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, PlaceError> {
        let odd = || PlaceError::Place(place.to_owned());
        let Some(rest) = place.strip_prefix("s3://") else {
            return match endpoint {
                _ if place.is_empty() || place.contains("://") => Err(odd()),
                Some(_) => Err(PlaceError::EndpointOfDirectory),
                None => Ok(Self::Directory(place.into())),
            };
        };
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        if !(3..=63).contains(&name.len()) || !name.chars().all(allowed) {
            return Err(odd());
        }
        // A slash at either end is dropped in a path; at the front it says that something is missing.
        if prefix.starts_with('/') {
            return Err(odd());
        }
        let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|_| odd())?;
        let mut settings: Vec<_> = environment
            .into_iter()
            .filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty())
            .filter_map(|(name, value)| Some((AmazonS3ConfigKey::from_str(&name.to_ascii_lowercase()).ok()?, value)))
            .collect();
        if let Some(endpoint) = endpoint {
            settings.retain(|(key, _)| !matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint));
            settings.push((AmazonS3ConfigKey::Endpoint, endpoint.to_owned()));
        }
        let of_endpoint =
            |key: &AmazonS3ConfigKey| matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint);
        for (_, url) in settings.iter().filter(|(key, _)| of_endpoint(key)) {
            let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
            if host.is_none_or(|host| host.is_empty() || host.contains('@')) {
                return Err(PlaceError::Endpoint(url.clone()));
            }
        }
        Ok(Self::Bucket(Bucket { name: name.to_owned(), prefix, settings }))
    }

    pub(super) fn open(&self) -> Result<Arc<dyn ObjectStore>, StorageError> {
        match self {
            Self::Directory(directory) => {
                let failed = |source| StorageError::Directory { path: directory.clone(), source };
                std::fs::create_dir_all(directory).map_err(failed)?;
                // What a client is told to be stored is on the disk, and not only in the system's cache.
                let files = LocalFileSystem::new_with_prefix(directory)?.with_automatic_cleanup(true).with_fsync(true);
                Ok(Arc::new(files))
            }
            Self::Bucket(Bucket { name, prefix, settings }) => {
                let plain = settings.iter().any(|(_, value)| value.starts_with("http://"));
                let retry = RetryConfig { max_retries: TRIES, retry_timeout: TRY_FOR, ..RetryConfig::default() };
                let builder = settings
                    .iter()
                    .fold(AmazonS3Builder::new(), |builder, (key, value)| builder.with_config(*key, value))
                    .with_bucket_name(name)
                    .with_retry(retry);
                let bucket = if plain { builder.with_allow_http(true) } else { builder }.build()?;
                Ok(Arc::new(PrefixStore::new(bucket, prefix.clone())))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => write!(f, "{}", directory.display()),
            Self::Bucket(bucket) => write!(f, "s3://{}/{}", bucket.name, bucket.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ACCESS_KEY_ID", "me"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_SESSION_TOKEN", ""),
            ("AWS_PROFILE", "x"),
            ("HOME", "/home/me"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn a_place_is_a_directory_or_a_bucket() {
        assert_eq!(Place::parse("/srv/atoll", None, environment()), Ok(Place::Directory("/srv/atoll".into())));
        let bucket = Place::parse("s3://atoll/of/market/", None, environment()).unwrap();
        assert_eq!(bucket.to_string(), "s3://atoll/of/market");
        assert!(!format!("{bucket:?}").contains("hunter2"));
        let Place::Bucket(bucket) = bucket else { panic!("not a bucket") };
        assert_eq!(bucket.settings.len(), 2, "an empty variable or one of another program counts");
        for odd in ["", "gs://bucket", "https://x", "s3://", "s3://A_B", "s3://atoll//x", "s3://ab"] {
            assert_eq!(Place::parse(odd, None, []), Err(PlaceError::Place(odd.to_owned())), "{odd}");
        }
    }

    #[test]
    fn an_endpoint_is_a_url_and_only_for_a_bucket() {
        let parse = |place, endpoint| Place::parse(place, Some(endpoint), environment());
        assert!(parse("s3://atoll", "http://127.0.0.1:9000").is_ok());
        assert_eq!(parse("/srv", "https://s3.example"), Err(PlaceError::EndpointOfDirectory));
        for odd in ["s3.example", "ftp://s3.example", "https://", "https://me:hunter2@s3.example"] {
            assert_eq!(parse("s3://atoll", odd), Err(PlaceError::Endpoint(odd.to_owned())));
        }
        let given = [("AWS_ENDPOINT_URL".to_owned(), "nowhere".to_owned())];
        assert!(Place::parse("s3://atoll", None, given.clone()).is_err());
        assert!(Place::parse("s3://atoll", Some("https://s3.example"), given).is_ok(), "the flag goes first");
    }

    #[test]
    fn plain_http_only_where_the_endpoint_says_so() {
        let place = |endpoint| Place::parse("s3://atoll", Some(endpoint), environment()).unwrap();
        assert!(place("http://127.0.0.1:9000").open().is_ok() && place("https://s3.example").open().is_ok());
    }
}
