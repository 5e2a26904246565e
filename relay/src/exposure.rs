//! A relay for tests that others can reach: what is said about that.
//!
//! Owns the warning. It must not know flags. Invariant: a relay that only this machine can reach is not warned about.

use crate::config::Config;
use crate::words::Language;

/// The warning for a relay that runs with `--dev`, when it listens beyond the loopback interface.
pub(crate) fn warning(config: &Config, language: Language) -> Option<String> {
    let listen = config.network.listen;
    if listen.ip().is_loopback() {
        return None;
    }
    Some(match (language, config.access.open) {
        (Language::English, true) => format!(
            "Warning: this relay runs with --dev and listens on {listen}, beyond this machine. Everybody who reaches it may \
             use it, and nothing limits how much.\n  Leave --listen out to keep it to this machine, let only those in who \
             have a code with --admission CODE, or set up a real relay with `madang-relay init`."
        ),
        (Language::English, false) => format!(
            "Warning: this relay runs with --dev and listens on {listen}, beyond this machine. Nothing limits how much it \
             takes from those who have the code.\n  Set up a real relay with `madang-relay init`."
        ),
        (Language::Korean, true) => format!(
            "주의: 이 릴레이는 --dev로 실행되고 이 컴퓨터 밖에서도 닿는 {listen}에서 듣습니다. 닿는 사람은 누구나 쓸 수 \
             있고 아무 제한이 없습니다.\n  이 컴퓨터에서만 쓰려면 --listen을 빼고, 코드가 있는 사람만 들이려면 --admission 코드를 \
             주고, 제대로 된 릴레이는 `madang-relay init`으로 만드세요."
        ),
        (Language::Korean, false) => format!(
            "주의: 이 릴레이는 --dev로 실행되고 이 컴퓨터 밖에서도 닿는 {listen}에서 듣습니다. 코드가 있는 사람에게는 아무 \
             제한이 없습니다.\n  제대로 된 릴레이는 `madang-relay init`으로 만드세요."
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(listen: &str, open: bool) -> Config {
        let mut config = Config::default();
        config.network.listen = listen.parse().unwrap();
        config.access.open = open;
        config
    }

    #[test]
    fn only_a_relay_that_others_reach_is_warned_about() {
        for inside in ["127.0.0.1:0", "127.0.0.9:4001", "[::1]:4001"] {
            assert_eq!(warning(&config(inside, true), Language::English), None, "{inside}");
        }
        for outside in ["0.0.0.0:4001", "[::]:4001", "192.0.2.7:4001"] {
            let said = warning(&config(outside, true), Language::English).unwrap();
            assert!(said.contains(outside) && said.contains("Everybody"), "{said}");
            let said = warning(&config(outside, false), Language::English).unwrap();
            assert!(!said.contains("Everybody"), "{said}");
            assert!(warning(&config(outside, true), Language::Korean).unwrap().contains("누구나"));
        }
    }
}
