use super::*;
use tempfile::TempDir;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_home_belongs_to_its_owner_alone_and_to_one_holder() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a/home");
    let home = Home::open(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&home.paths().lock()), 0o600);
    match Home::open(&path) {
        Err(OpenError::InUse { pid }) => assert_eq!(pid, std::process::id()),
        other => panic!("a second holder got {other:?}"),
    }
    assert_eq!(Home::peek(&path).unwrap().pid, Some(std::process::id()));
    drop(home);
    assert_eq!(Home::peek(&path).unwrap().pid, None);
    Home::open(&path).unwrap();
}

#[test]
fn a_missing_home_is_not_made_by_looking() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("nowhere");
    assert!(matches!(Home::peek(&path), Err(OpenError::NotFound)));
    assert!(!path.exists());
}

#[test]
fn slots_are_replaced_whole_and_bounded() {
    let dir = TempDir::new().unwrap();
    let home = Home::open(dir.path()).unwrap();
    assert_eq!(home.read_slots().unwrap(), None);
    home.write_slots(b"first").unwrap();
    home.write_slots(b"second").unwrap();
    assert_eq!(home.read_slots().unwrap().as_deref(), Some(b"second".as_slice()));
    assert_eq!(mode(&home.paths().slots()), 0o600);
    std::fs::write(home.paths().slots(), vec![0; 65 * 1024]).unwrap();
    assert!(matches!(home.read_slots(), Err(OpenError::Damaged { .. })));
}

#[test]
fn the_key_file_is_closed_to_others_and_has_32_bytes() {
    let dir = TempDir::new().unwrap();
    let home = Home::open(dir.path()).unwrap();
    assert!(home.read_key().unwrap().is_none());
    home.write_key(&[5; 32]).unwrap();
    assert_eq!(mode(&home.paths().key()), 0o600);
    std::fs::set_permissions(home.paths().key(), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(home.read_key().unwrap().as_deref(), Some(&[5; 32]));
    assert_eq!(mode(&home.paths().key()), 0o600);
    std::fs::write(home.paths().key(), [1; 31]).unwrap();
    assert!(matches!(home.read_key(), Err(OpenError::Damaged { .. })));
}

#[test]
fn a_long_home_gets_a_short_socket_of_its_own() {
    let dir = TempDir::new().unwrap();
    let short = Home::open(dir.path()).unwrap();
    assert_eq!(short.paths().socket().unwrap(), dir.path().canonicalize().unwrap().join("node.sock"));
    let long = |name: &str| Home::open(&dir.path().join("x".repeat(100)).join(name)).unwrap();
    let (one, two) = (long("one"), long("two"));
    let socket = one.paths().socket().unwrap();
    assert!(socket.as_os_str().len() <= SOCKET_PATH_CAP);
    assert_eq!(socket, one.paths().socket().unwrap());
    assert_ne!(socket, two.paths().socket().unwrap());
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
}

#[test]
fn a_socket_directory_open_to_others_is_refused() {
    let dir = TempDir::new().unwrap();
    let open = dir.path().join("sockets");
    let uid = rustix::process::getuid().as_raw();
    private_dir(&open, uid).unwrap();
    std::fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(private_dir(&open, uid), Err(OpenError::Denied(_))));
    std::fs::set_permissions(&open, Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(private_dir(&open, uid + 1), Err(OpenError::Denied(_))));
}

#[test]
fn a_file_is_no_home() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "text").unwrap();
    for path in [file.clone(), file.join("below")] {
        let is_told =
            |error: OpenError| matches!(error, OpenError::NoDirectory { path: told } if told == path);
        assert!(is_told(Home::open(&path).unwrap_err()), "{path:?}");
        assert!(is_told(Home::peek(&path).unwrap_err()), "{path:?}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"text");
}
