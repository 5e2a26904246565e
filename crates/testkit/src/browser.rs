//! A page of files in the engine of the desktop, without the desktop: for looking at the user interface alone.
//!
//! Must not know what the page shows. Invariant: files are served on the loopback only, and nothing outside of
//! their folder.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::{Component, Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Context as _, Result, ensure};

use crate::{Screen, driver::Driver, webdriver::Window};

/// The small browser that comes with WebKitGTK, by architecture.
const BROWSERS: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
    "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
];

/// A browser with a folder of files to show.
pub struct Browser {
    window: Window,
    address: String,
    _driver: Driver,
}

impl Browser {
    /// Opens the browser on `screen`; it shows files of `folder`.
    ///
    /// # Errors
    /// When there is no such folder, or the browser does not start; `cargo xtask setup test` installs it.
    pub fn open(screen: &Screen, folder: &Path) -> Result<Self> {
        ensure!(folder.join("index.html").exists(), "{} holds no page", folder.display());
        let address = serve(folder.to_owned())?;
        let program = BROWSERS.iter().map(Path::new).find(|path| path.exists());
        let program = program.context("MiniBrowser of WebKitGTK is not installed: cargo xtask setup test")?;
        let driver = Driver::start(screen, |_: &mut Command| {})?;
        let window = driver.open(program, &["--automation"])?;
        Ok(Self { window, address, _driver: driver })
    }

    /// The window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Goes to a page; `place` is what stands behind the name of the page, from `?` or `#` on.
    ///
    /// # Errors
    /// When the page cannot be loaded.
    pub fn go(&self, place: &str) -> Result<()> {
        // A change of the part behind `#` alone would not load anything.
        self.window.go("about:blank")?;
        self.window.go(&format!("{}/index.html{place}", self.address))
    }
}

fn serve(folder: PathBuf) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = format!("http://{}", listener.local_addr()?);
    // It ends with the process of the test.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            thread::spawn(move || answer(&stream, &folder));
        }
    });
    Ok(address)
}

/// Answers one request; whoever hangs up has no answer.
fn answer(stream: &TcpStream, folder: &Path) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let asked = first.split(' ').nth(1)?.split(['?', '#']).next()?.trim_start_matches('/').to_owned();
    // The headers say nothing that counts here.
    while !lines.next()?.ok()?.is_empty() {}
    let path = Path::new(&asked);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    let found = inside.then(|| fs::read(folder.join(path)).ok()).flatten();
    let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        kind(path),
        body.len()
    );
    let mut out = stream;
    out.write_all(head.as_bytes()).ok()?;
    out.write_all(&body).ok()
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
