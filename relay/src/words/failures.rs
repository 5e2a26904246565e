//! Every failure in English and in Korean, each with what to do next.
//!
//! Owns the sentences; those of a configuration and of the data stand beside it. It must not know how a failure came
//! about. Invariant: both languages name the same path, address, option or process.

use super::{Both, Language, both, config, data, system};
use crate::data_dir::DataDirError;
use crate::failure::Failure;
use crate::init::InitError;
use crate::probe::ProbeError;
use crate::swarm::ListenError;

/// What has happened, and on a line below what to do.
pub(crate) fn told(language: Language, failure: &Failure) -> String {
    let what = match language {
        Language::English => failure.whole(),
        Language::Korean => korean(failure),
    };
    format!("{what}\n  {}", language.of(advice(failure)))
}

fn korean(failure: &Failure) -> String {
    match failure {
        Failure::TraceWithoutDev => {
            "--trace-frames는 클라이언트가 보내는 것을 보여 주므로 --dev와 함께만 쓸 수 있습니다".to_owned()
        }
        Failure::Config(error) => config::korean(error),
        Failure::Data(error) => data::korean(error),
        Failure::Storage { path, source } => {
            format!("{}을(를) 열 수 없습니다: {}", path.display(), data::database(source))
        }
        Failure::Listen(ListenError::Transport(problem)) => {
            format!("연결을 받을 준비를 하지 못했습니다: {problem}")
        }
        Failure::Listen(ListenError::Address { address, source }) => {
            format!("{address}에서 들을 수 없습니다: {}", system::korean(source))
        }
        Failure::Web { address, source } => {
            format!("웹 서버가 {address}에서 들을 수 없습니다: {}", system::korean(source))
        }
        Failure::Trace { path, source } => {
            format!("{}에 쓸 수 없습니다: {}", path.display(), system::korean(source))
        }
        Failure::Init(error) => init(error),
        Failure::NotRunning { data } => format!("{}에서 실행 중인 릴레이가 없습니다", data.display()),
        Failure::Starting { data } => format!("{}의 릴레이가 시작하고 있습니다", data.display()),
        Failure::Probe(error) => probe(error),
        Failure::Status { status } => format!("릴레이가 상태 코드 {status}로 답합니다"),
        Failure::NotReady { said } => format!("릴레이가 일할 수 없습니다: {said}"),
        Failure::Output(error) => format!("출력을 쓸 수 없습니다: {}", system::korean(error)),
        Failure::Internal(_) => format!("내부 오류가 났습니다: {}", failure.whole()),
    }
}

fn init(error: &InitError) -> String {
    match error {
        InitError::Domain { domain } => format!("{domain:?}은(는) 컴퓨터 이름으로 쓸 수 없습니다"),
        InitError::Exists { path } => format!("{}이(가) 이미 있어 그대로 두었습니다", path.display()),
        InitError::Make { path, source } => {
            format!("{}을(를) 만들 수 없습니다: {}", path.display(), system::korean(source))
        }
        InitError::Key(error) => data::korean(error),
        InitError::Transport(error) => format!("쓸 수 없는 열쇠입니다: {error}"),
        InitError::Random(problem) => format!("시스템의 난수원이 실패했습니다: {problem}"),
    }
}

fn probe(error: &ProbeError) -> String {
    match error {
        ProbeError::Late { address } => format!("{address}의 릴레이가 제때 답하지 않습니다"),
        ProbeError::Connect { address, source } => {
            format!("{address}에 연결할 수 없습니다: {}", system::korean(source))
        }
        ProbeError::Broken { address, source } => {
            format!("{address}의 릴레이가 답하지 않습니다: {}", system::korean(source))
        }
        ProbeError::Foreign { address } => format!("{address}의 답이 HTTP가 아닙니다"),
    }
}

fn advice(failure: &Failure) -> Both {
    match failure {
        Failure::TraceWithoutDev => {
            both("Add --dev, or leave --trace-frames out.", "--dev를 더하거나 --trace-frames를 빼세요.")
        }
        Failure::Config(error) => config::advice(error),
        Failure::Data(error) => data::advice(error),
        Failure::Storage { source, .. } => data::database_advice(source),
        Failure::Listen(ListenError::Address { source, .. }) => {
            system::address(source, "--listen (network.listen)")
        }
        Failure::Web { source, .. } => system::address(source, "http.listen (RELAY__HTTP__LISTEN)"),
        Failure::Trace { source, .. } => system::file(source).unwrap_or_else(|| {
            both("Name another file with --trace-frames.", "--trace-frames로 다른 파일을 고르세요.")
        }),
        Failure::Init(error) => init_advice(error),
        Failure::NotRunning { .. } => both(
            "Start it with `madang-relay run`, or name the directory of the running one with --data.",
            "`madang-relay run`으로 시작하거나 실행 중인 릴레이의 디렉터리를 --data로 알려 주세요.",
        ),
        Failure::Starting { .. } => both("Try again in a moment.", "잠시 뒤에 다시 시도하세요."),
        Failure::NotReady { said } if said == "draining" => both(
            "It ends as soon as everything taken in is answered; start it again after that.",
            "끝내는 중입니다. 받은 것에 모두 답하면 끝나니 그 뒤에 다시 시작하세요.",
        ),
        Failure::Probe(_) | Failure::Status { .. } | Failure::NotReady { .. } => both(
            "Look into its log (`journalctl -u madang-relay`), and restart it if this stays.",
            "로그를 보고(`journalctl -u madang-relay`), 계속되면 다시 시작하세요.",
        ),
        Failure::Output(_) => {
            both("Check where standard output goes.", "표준 출력이 어디로 가는지 확인하세요.")
        }
        Failure::Listen(ListenError::Transport(_)) | Failure::Internal(_) => report(),
    }
}

fn init_advice(error: &InitError) -> Both {
    match error {
        InitError::Domain { .. } => both(
            "Give a name such as relay.example.org: letters, digits and hyphens between dots, at most 253 characters.",
            "relay.example.org 같은 이름을 주세요. 점 사이에 영문자, 숫자, 하이픈을 쓰며 253자까지입니다.",
        ),
        InitError::Exists { .. } => both(
            "Edit that file, move it away, or choose another directory with --dir.",
            "그 파일을 고치거나, 다른 곳으로 옮기거나, --dir로 다른 디렉터리를 고르세요.",
        ),
        InitError::Make { source, .. } | InitError::Key(DataDirError::Io { source, .. }) => {
            system::file(source).unwrap_or_else(|| {
                both("Choose another directory with --dir.", "--dir로 다른 디렉터리를 고르세요.")
            })
        }
        InitError::Key(error) => data::advice(error),
        InitError::Transport(_) | InitError::Random(_) => report(),
    }
}

/// What to do about something that is not the operator's doing.
pub(super) fn report() -> Both {
    both(
        "Try again; if this stays, please report it with the line above and `madang-relay --version`.",
        "다시 시도하세요. 계속되면 위의 줄과 `madang-relay --version`을 붙여서 알려 주세요.",
    )
}
