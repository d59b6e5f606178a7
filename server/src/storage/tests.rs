use std::collections::BTreeMap;

use super::*;

async fn storage() -> (tempfile::TempDir, Storage) {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::open(&Place::Directory(directory.path().to_owned())).await.unwrap();
    (directory, storage)
}

fn body(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, std::io::Error>> + use<> {
    let parts: Vec<_> = bytes.chunks(100_003).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    stream::iter(parts)
}

fn many() -> Vec<u8> {
    (0..2 * PIECE_BYTES as u32 + 77).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

async fn read(storage: &Storage, blob: Uuid, pieces: &[Piece], range: Range<u64>) -> Result<Vec<u8>, StorageError> {
    let parts = storage.read(blob, pieces.to_vec(), range);
    parts.try_fold(Vec::new(), async |all, part| Ok([&all[..], &part[..]].concat())).await
}

#[tokio::test]
async fn a_body_is_stored_in_pieces_and_read_from_anywhere() {
    let (directory, storage) = storage().await;
    let (bytes, blob) = (many(), Uuid::from_u128(1));
    let length = bytes.len() as u64;
    let stored = storage.receive(blob, body(&bytes), length, &Randomness::system()).await.unwrap();
    assert_eq!((stored.bytes, stored.sha256), (length, B256::from_slice(&Sha256::digest(&bytes))));
    let piece = PIECE_BYTES as u64;
    let places: Vec<_> = stored.pieces.iter().map(|piece| (piece.start, piece.bytes)).collect();
    assert_eq!(places, [(0, piece), (piece, piece), (2 * piece, 77)]);
    let files = std::fs::read_dir(directory.path().join(format!("pieces/{blob}"))).unwrap();
    assert_eq!(files.count(), 3);

    for range in [0..length, 0..1, length - 1..length, piece - 1..piece + 1, piece..2 * piece, 5..5, 3..length - 3] {
        let found = read(&storage, blob, &stored.pieces, range.clone()).await.unwrap();
        assert!(found == bytes[range.start as usize..range.end as usize], "{range:?}");
    }
    assert!(storage.piece(blob, stored.pieces[2]).await.unwrap() == bytes[2 * PIECE_BYTES..]);
}

#[tokio::test]
async fn a_refused_or_cut_body_leaves_nothing() {
    let (directory, storage) = storage().await;
    let (bytes, blob) = (many(), Uuid::from_u128(1));
    let limit = bytes.len() as u64 - 1;
    let refused = storage.receive(blob, body(&bytes), limit, &Randomness::system()).await.unwrap_err();
    assert!(matches!(refused, StorageError::TooLarge { limit: l } if l == limit), "{refused}");
    let cut = body(&bytes).chain(stream::iter([Err(std::io::Error::other("gone"))]));
    let refused = storage.receive(blob, cut, u64::MAX, &Randomness::system()).await.unwrap_err();
    assert!(matches!(refused, StorageError::Cut(_)), "{refused}");
    assert!(storage.list().next().await.is_none());
    assert!(!directory.path().join("pieces").exists());
}

#[tokio::test]
async fn bytes_that_are_gone_or_short_are_an_error_and_no_end() {
    let (directory, storage) = storage().await;
    let (bytes, blob) = (many(), Uuid::from_u128(1));
    let stored = storage.receive(blob, body(&bytes), u64::MAX, &Randomness::system()).await.unwrap();
    let file = |number: usize| directory.path().join(name(blob, stored.pieces[number].object).as_ref());
    std::fs::write(file(1), &bytes[..1000]).unwrap();
    for range in [0..bytes.len() as u64, PIECE_BYTES as u64 + 10..PIECE_BYTES as u64 + 2000] {
        let refused = read(&storage, blob, &stored.pieces, range).await.unwrap_err();
        assert!(matches!(refused, StorageError::Missing(_)), "{refused}");
    }
    std::fs::remove_file(file(2)).unwrap();
    let last = bytes.len() as u64 - 1;
    let refused = read(&storage, blob, &stored.pieces, last..last + 1).await.unwrap_err();
    assert!(matches!(refused, StorageError::Missing(_)), "{refused}");
    assert_eq!(read(&storage, blob, &stored.pieces, 0..9).await.unwrap(), bytes[..9]);
}

#[tokio::test]
async fn only_pieces_are_listed_and_what_is_forgotten_is_gone() {
    let (directory, storage) = storage().await;
    let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let objects = [(a, Uuid::from_u128(3)), (a, Uuid::from_u128(4)), (b, Uuid::from_u128(5))];
    for (blob, object) in objects {
        storage.put(blob, object, Bytes::from_static(b"x")).await.unwrap();
    }
    std::fs::write(directory.path().join("pieces/note.txt"), "of somebody else").unwrap();
    std::fs::write(directory.path().join(format!("pieces/{b}/note")), "of somebody else").unwrap();
    let list = async || -> BTreeMap<_, _> {
        storage.list().map_ok(|found| ((found.blob, found.object), found.written_at)).try_collect().await.unwrap()
    };
    let found = list().await;
    assert!(found.keys().eq(objects.iter()));
    let now = OffsetDateTime::now_utc();
    assert!(found.values().all(|at| (now - *at) < time::Duration::minutes(1)), "{found:?}");
    assert_eq!(storage.forget([objects[0], objects[2], (b, Uuid::from_u128(6))]).await, 2);
    assert!(list().await.keys().eq(&objects[1..2]));
}

#[tokio::test]
async fn files_of_cut_writes_are_forgotten_a_day_later() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("pieces/some");
    std::fs::create_dir_all(&folder).unwrap();
    let long_ago = std::time::SystemTime::now() - 2 * CUT_WRITES_AFTER;
    for (name, old) in [("ab", true), ("ab#1", true), ("cd#1", false)] {
        let file = std::fs::File::create(folder.join(name)).unwrap();
        if old {
            file.set_modified(long_ago).unwrap();
        }
    }
    Storage::open(&Place::Directory(directory.path().to_owned())).await.unwrap();
    assert!(folder.join("ab").exists() && folder.join("cd#1").exists() && !folder.join("ab#1").exists());
}

#[tokio::test]
async fn a_place_that_takes_nothing_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = Storage::open(&Place::Directory(file)).await.unwrap_err().to_string();
    assert!(refused.contains("correct --storage"), "{refused}");
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name.to_owned(), "x".to_owned()));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::parse("s3://bucket/of", Some(&format!("http://{nobody}")), keys).unwrap();
    let refused = Storage::open(&place).await.unwrap_err().to_string();
    assert!(refused.starts_with("nothing can be stored in s3://bucket/of"), "{refused}");
}
