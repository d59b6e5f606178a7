//! The migrations are compiled in: a new one has to rebuild the crate. So has another place for the descriptions of the
//! queries, which is how `cargo dev test` has them written anew from a live schema.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
    println!("cargo:rerun-if-env-changed=SQLX_OFFLINE_DIR");
}
