// Read by the build script, which declares them, and by the test of the capabilities.
/// Every command of the shell. A capability file grants them window by window.
const COMMANDS: &[&str] = &["rpc", "subscribe", "open_link", "badge"];
