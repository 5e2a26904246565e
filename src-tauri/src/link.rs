//! Links that leave the program, and links that come in.
//!
//! Owns the list of schemes. It must not know what a link of ours contains. Invariant: nothing but
//! `https`, `http` and `mailto` is ever handed to the operating system.

use madang_api::{Code, Error};
use tauri::{AppHandle, Url};
use tauri_plugin_opener::OpenerExt as _;

/// Schemes the operating system may open for us.
const OUTSIDE: [&str; 3] = ["https", "http", "mailto"];
/// Longest link that is opened or handed to the page, in bytes.
const LINK_MAX: usize = 8 * 1024;

/// Whether `link` is one of ours and short enough to show.
pub(crate) fn is_ours(link: &str) -> bool {
    link.len() <= LINK_MAX && link.starts_with("madang:")
}

/// Checks a link of a message before it leaves the program.
///
/// # Errors
/// `denied` for any other scheme and for a link that is no URL, `too_large` for a long one.
fn outside(link: &str) -> Result<Url, Error> {
    if link.len() > LINK_MAX {
        return Err(Error::new(Code::TooLarge, "the link is too long"));
    }
    let url = Url::parse(link).map_err(|_| Error::new(Code::Denied, "not a link"))?;
    if OUTSIDE.contains(&url.scheme()) {
        Ok(url)
    } else {
        Err(Error::new(Code::Denied, "only web and mail links are opened"))
    }
}

/// Opens a web or mail link in the program that the system has for it.
#[tauri::command]
pub(crate) fn open_link(app: AppHandle, url: String) -> Result<(), Error> {
    let url = outside(&url)?;
    app.opener()
        .open_url(url.as_str(), None::<&str>)
        .map_err(|error| Error::new(Code::Internal, format!("cannot open the link: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_and_mail_links_leave_the_program() {
        for link in ["https://madang.example/a?b=c#d", "http://localhost:1/", "mailto:alice@example.org"] {
            assert_eq!(outside(link).unwrap().as_str(), link);
        }
    }

    #[test]
    fn everything_else_stays() {
        for link in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "madang://i",
            "smb://host/share",
            "no link",
        ] {
            assert_eq!(outside(link).unwrap_err().code, Code::Denied, "{link}");
        }
        assert_eq!(outside(&format!("https://{}", "a".repeat(LINK_MAX))).unwrap_err().code, Code::TooLarge);
    }

    #[test]
    fn a_foreign_or_huge_link_is_not_handed_to_the_page() {
        assert!(is_ours("madang://i#abc"));
        assert!(!is_ours("https://madang.example"));
        assert!(!is_ours(&format!("madang://{}", "a".repeat(LINK_MAX))));
    }
}
