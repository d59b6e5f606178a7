//! The market's page: files that were built once, read whole at start, and served as they are.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Most bytes of all files together; they are kept in memory.
const MOST_BYTES: usize = 32 << 20;
/// Folder whose names carry a hash of the content.
const HASHED: &str = "static/";
/// What the page knows of its surroundings, written by the server.
const SETTINGS: &str = "page.json";
const ENTRY: &str = "index.html";

/// Names that the API and its description have.
const TAKEN: [&str; 7] = ["v1", "docs", "openapi.yaml", "openapi.json", "livez", "readyz", SETTINGS];

/// Why a page can not be served.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A file or folder can not be read.
    #[error("the page in {path} can not be read ({source}); build it with `npm run build` in web/ and give its `dist`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not a built page.
    #[error("{0} has no index.html, so it is no built page; build it with `npm run build` in web/ and give its `dist`")]
    NoEntry(PathBuf),
    /// A file would stand in the way of the API.
    #[error("the page has a file `{0}`, and the API has that name; it has to be called something else")]
    Taken(String),
    /// A type that browsers would have to guess.
    #[error("the page has a file `{0}` of a type that is not known here; rename it or leave it out")]
    Kind(String),
    /// Too much to keep.
    #[error("the page is larger than {} MiB; it is kept in memory, so give a smaller one", MOST_BYTES >> 20)]
    TooLarge,
}

/// How the page tells a wallet about the market's chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Network {
    /// Name of the chain; none if wallets know it.
    pub chain_name: Option<String>,
    /// A node that anybody may use, for wallets that do not know the chain.
    pub rpc_url: Option<String>,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Its bytes.
    pub(crate) bytes: Bytes,
    /// Media type.
    pub(crate) kind: &'static str,
    /// Strong entity tag, in quotes.
    pub(crate) tag: String,
    /// True if its name changes whenever its content does.
    pub(crate) hashed: bool,
}

/// All files, by the path under which they are served.
#[derive(Clone, Debug)]
pub(crate) struct Page(BTreeMap<String, File>);

impl Page {
    /// Reads a built page.
    ///
    /// # Errors
    /// See [`PageError`].
    pub(crate) fn read(directory: &Path, network: &Network) -> Result<Self, PageError> {
        let mut found = BTreeMap::new();
        let mut bytes = 0;
        walk(directory, "", &mut bytes, &mut found)?;
        let entry = found.remove(ENTRY).ok_or_else(|| PageError::NoEntry(directory.to_owned()))?;
        found.insert(String::new(), entry);
        let settings = serde_json::to_vec(network).expect("plain data");
        found.insert(SETTINGS.to_owned(), File::new(settings, "application/json", false));
        Ok(Self(found.into_iter().map(|(name, file)| (format!("/{name}"), file)).collect()))
    }

    /// Paths and files.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&String, &File)> {
        self.0.iter()
    }
}

impl File {
    fn new(bytes: Vec<u8>, kind: &'static str, hashed: bool) -> Self {
        let tag = format!("\"{}\"", alloy::primitives::hex::encode(&Sha256::digest(&bytes)[..16]));
        Self { bytes: bytes.into(), kind, tag, hashed }
    }
}

fn walk(directory: &Path, prefix: &str, bytes: &mut usize, into: &mut BTreeMap<String, File>) -> Result<(), PageError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PageError::Read { path, source }
    };
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        let path = entry.map_err(failed(directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = format!("{prefix}{name}");
        if TAKEN.contains(&name.as_str()) {
            return Err(PageError::Taken(name));
        }
        if path.is_dir() {
            walk(&path, &format!("{name}/"), bytes, into)?;
            continue;
        }
        let kind = kind(&name).ok_or_else(|| PageError::Kind(name.clone()))?;
        let content = fs::read(&path).map_err(failed(&path))?;
        *bytes += content.len();
        if *bytes > MOST_BYTES {
            return Err(PageError::TooLarge);
        }
        let hashed = name.starts_with(HASHED);
        into.insert(name, File::new(content, kind, hashed));
    }
    Ok(())
}

fn kind(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    fn read(files: &[(&str, &str)]) -> Result<Page, PageError> {
        Page::read(built(files).path(), &Network::default())
    }

    #[test]
    fn a_built_page_has_its_entry_at_the_root_and_knows_its_hashed_files() {
        let page =
            read(&[("index.html", "<!doctype html>"), ("static/main-ab12.js", "1"), ("icon.svg", "<svg/>")]).unwrap();
        let names: Vec<_> = page.files().map(|(path, file)| (path.as_str(), file.kind, file.hashed)).collect();
        assert_eq!(
            names,
            [
                ("/", "text/html; charset=utf-8", false),
                ("/icon.svg", "image/svg+xml", false),
                ("/page.json", "application/json", false),
                ("/static/main-ab12.js", "text/javascript; charset=utf-8", true),
            ]
        );
    }

    #[test]
    fn what_is_no_built_page_is_refused_with_the_reason() {
        assert!(matches!(read(&[("main.js", "1")]), Err(PageError::NoEntry(_))));
        assert!(matches!(read(&[("index.html", ""), ("v1/x.js", "1")]), Err(PageError::Taken(name)) if name == "v1"));
        assert!(matches!(read(&[("index.html", ""), ("page.json", "{}")]), Err(PageError::Taken(_))));
        assert!(matches!(read(&[("index.html", ""), ("main.js.map", "{}")]), Err(PageError::Kind(_))));
        let away = Page::read(Path::new("/nowhere"), &Network::default()).unwrap_err();
        assert!(away.to_string().contains("npm run build"), "{away}");
    }
}
