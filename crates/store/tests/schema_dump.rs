//! `docs/schema.sql` is what the migrations lead to. `MADANG_GEN=1` writes it, otherwise it is compared.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use madang_store::Store;
use std::path::PathBuf;

const HEADER: &str =
    "-- The schema of a store after all migrations, for reading. Generated from crates/store/migrations by
-- `cargo xtask gen`; never edit it and never run it: a store is made by the migrations alone.
";

fn dump() -> String {
    let dir = tempfile::TempDir::new().unwrap();
    let store = Store::create(&dir.path().join("store.db"), &[1; 32]).unwrap();
    let mut statement = store
        .writer
        .conn()
        .prepare(
            "SELECT sql FROM sqlite_schema
             WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT GLOB 'search_[cdi]*'
             ORDER BY tbl_name, type DESC, name",
        )
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut text = HEADER.to_owned();
    for sql in rows {
        text.push('\n');
        text.push_str(&sql.unwrap());
        text.push_str(";\n");
    }
    text
}

#[test]
fn the_schema_document_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema.sql");
    let now = dump();
    if std::env::var_os("MADANG_GEN").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, now, "docs/schema.sql is stale; run cargo xtask gen");
}
