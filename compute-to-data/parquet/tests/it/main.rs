//! The reader against files of the `parquet` crate, sound ones and broken ones.

mod broken;
mod handmade;
mod lies;
mod sound;
mod writing;
