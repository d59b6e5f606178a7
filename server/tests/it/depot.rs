//! Where a server's bytes are, seen from behind: a directory or a bucket of an S3-compatible store.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use atoll_devnet::{Error, S3, server::Storage};
use atoll_protocol::api::Upload;
use atoll_server::{
    clock::Clock,
    collector::{Collected, Collector},
    storage::{Place, Storage as ServerStorage},
    store::Store,
};
use futures_util::TryStreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, local::LocalFileSystem, path::Path, prefix::PrefixStore,
};
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tokio::sync::OnceCell;

use crate::{
    person::{Person, expect, sha256},
    world::World,
};

static S3: OnceCell<Option<S3>> = OnceCell::const_new();
static BUCKETS: AtomicU64 = AtomicU64::new(0);

/// The bytes of every piece but an upload's last.
pub(crate) const PIECE: usize = 4 << 20;

/// Runs each of some tests on a directory and on a bucket.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod directory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::depot::Depot::in_directory().await).await;
            })*
        }
        mod bucket {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(depot) = $crate::depot::Depot::in_bucket().await {
                    super::$name(depot).await;
                }
            })*
        }
    };
}
pub(crate) use on_both;

/// A market, and its objects.
pub(crate) struct Depot {
    pub(crate) world: World,
    pub(crate) objects: Arc<dyn ObjectStore>,
    place: Place,
}

impl Depot {
    pub(crate) async fn in_directory() -> Self {
        let world = World::start().await;
        let directory = world.server.storage();
        let objects = Arc::new(LocalFileSystem::new_with_prefix(&directory).unwrap());
        Self { world, objects, place: Place::Directory(directory) }
    }

    /// None where Python is missing, which only a developer's machine may lack.
    pub(crate) async fn in_bucket() -> Option<Self> {
        let s3 = S3.get_or_init(async || match S3::start().await {
            Ok(s3) => Some(s3),
            Err(error @ Error::PythonMissing) if std::env::var("CI").as_deref() != Ok("true") => {
                eprintln!("NOT TESTED on an S3-compatible store: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        });
        let name = format!("market-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
        let bucket = s3.await.as_ref()?.bucket(&name).await.unwrap();
        let place = Place::parse(&bucket.place(), None, bucket.environment()).unwrap();
        let store = bucket
            .environment()
            .into_iter()
            .fold(AmazonS3Builder::new(), |builder, (name, value)| {
                builder.with_config(name.to_ascii_lowercase().parse().unwrap(), value)
            })
            .with_bucket_name(name)
            .with_allow_http(true)
            .build()
            .unwrap();
        let objects = Arc::new(PrefixStore::new(store, "of/market"));
        let world = World::storing(Storage::Bucket(bucket)).await;
        Some(Self { world, objects, place })
    }

    /// Names of all objects that are pieces.
    pub(crate) async fn pieces(&self) -> Vec<Path> {
        let listed = self.objects.list(Some(&Path::from("pieces")));
        let mut names: Vec<_> = listed.map_ok(|found| found.location).try_collect().await.unwrap();
        names.sort();
        names
    }

    /// The bytes of a content, put together from its objects.
    pub(crate) async fn content(&self, bytes: &[u8]) -> Vec<u8> {
        let sql = format!(
            "SELECT 'pieces/' || blob || '/' || object FROM pieces JOIN contents USING (blob)
             WHERE sha256 = '\\x{}' ORDER BY start",
            alloy::primitives::hex::encode(sha256(bytes))
        );
        let mut all = Vec::new();
        for name in self.world.rows(&sql).await {
            all.extend_from_slice(&self.objects.get(&name.into()).await.unwrap().bytes().await.unwrap());
        }
        all
    }

    /// One round of the collector, some time from now.
    pub(crate) async fn collect(&self, later: Duration) -> Collected {
        let collector = Collector {
            store: Store::connect(&self.world.database, 2).await.unwrap(),
            storage: ServerStorage::open(&self.place).await.unwrap(),
            clock: Clock::new(move || OffsetDateTime::now_utc() + later),
            interval: std::time::Duration::from_secs(1),
        };
        collector.round().await.unwrap()
    }
}

/// Some bytes in which no two places look alike.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = length as u64 | 1;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

/// An upload from its client's side.
pub(crate) struct Sending<'a> {
    pub(crate) person: &'a Person,
    pub(crate) path: String,
    pub(crate) id: uuid::Uuid,
}

impl<'a> Sending<'a> {
    pub(crate) async fn announce(person: &'a Person, bytes: &[u8]) -> Self {
        let announced = json!({"sha256": sha256(bytes), "bytes": bytes.len()});
        let upload: Upload = expect(person.post("/v1/uploads", &announced).await, StatusCode::CREATED).await;
        assert_eq!((upload.offset, upload.complete), (0, false));
        Self { person, path: format!("/v1/uploads/{}", upload.id), id: upload.id }
    }

    /// Sends bytes that are said to belong after so many.
    pub(crate) async fn append(&self, offset: impl ToString, body: impl Into<Body>) -> Response {
        let request = self.person.request(Method::PATCH, &format!("{}/content", self.path));
        request.header("upload-offset", offset.to_string()).body(body).send().await.unwrap()
    }

    /// How many bytes are stored, by both ways to ask.
    pub(crate) async fn offset(&self) -> usize {
        let upload: Upload = expect(self.person.get(&self.path).await, StatusCode::OK).await;
        let head = self.person.request(Method::HEAD, &format!("{}/content", self.path)).send().await.unwrap();
        assert_eq!(
            (head.status(), &head.headers()["cache-control"]),
            (StatusCode::NO_CONTENT, &"no-store".parse().unwrap())
        );
        let header = |name: &str| head.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("upload-length"), upload.bytes.to_string());
        assert_eq!(header("upload-complete"), if upload.complete { "?1" } else { "?0" });
        header("upload-offset").parse().unwrap()
    }
}
