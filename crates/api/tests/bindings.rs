//! The committed TypeScript is what the types say. `MADANG_GEN=1` rewrites it.

use std::{fs, path::Path};

#[test]
fn committed_bindings_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/lib/api/bindings.ts");
    let wanted = madang_api::typescript();
    if std::env::var_os("MADANG_GEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert_eq!(committed, wanted, "run `cargo xtask gen`");
}
