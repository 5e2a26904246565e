//! Committed vectors: other implementations check themselves against these files.

use std::path::Path;

/// Compares a generated value with the file in `docs/protocol/vectors`.
///
/// With `MADANG_WRITE_VECTORS=1` the file is written first; the change then shows in review.
pub(super) fn compare(file: &str, value: &serde_json::Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol/vectors").join(file);
    let text = format!("{}\n", serde_json::to_string_pretty(value).unwrap());
    if std::env::var_os("MADANG_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == text, "{file} does not match; MADANG_WRITE_VECTORS=1 writes it anew");
}
