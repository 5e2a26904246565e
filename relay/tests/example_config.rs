//! The committed example of a configuration is what the options say. `MADANG_GEN=1` rewrites it.

use std::{fs, path::Path};

#[test]
fn committed_example_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("relay.example.toml");
    let wanted = madang_relay::config::example();
    if std::env::var_os("MADANG_GEN").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), wanted, "run `cargo xtask gen`");
}
