//! Two people, each with a window: they meet by a link, talk, one is away and comes back.
//!
//! The windows are the desktop as it is shipped, in its real web engine, on a screen and a session bus of the
//! test's own. Pictures go to `MADANG_PICTURES`, else `artifacts/e2e`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and this one tells")]
#![cfg(target_os = "linux")]

mod notifications;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use madang_testkit::{Desktop, Person, Relay, Screen, wait_until, webdriver::Window};
use notifications::Notifications;
use serde_json::Value;

/// How long something may take to be seen from outside.
const PATIENCE: Duration = Duration::from_secs(60);
/// The key that sends what is in the composer.
const ENTER: &str = "\u{e007}";

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_madang-desktop"))
}

fn picture(window: &Window, name: &str) {
    let folder = std::env::var_os("MADANG_PICTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/e2e")),
        PathBuf::from,
    );
    window.picture(&folder.join(format!("{name}.png"))).unwrap();
}

/// First start: a name in the language chosen, the phrase skipped.
fn onboard(window: &Window, name: &str, korean: bool) -> Result<()> {
    if korean {
        window.until("the language to choose", || {
            Ok(window.select("[data-testid='onboarding-language'] [lang='ko']")?.into_iter().next())
        })?;
        let choice = window.select("[data-testid='onboarding-language'] [lang='ko']")?;
        window.click(choice.first().context("no Korean to choose")?)?;
    }
    window.fill("onboarding-name", name)?;
    window.click_on("onboarding-next")?;
    window.wait("phrase-word")?;
    ensure!(window.all("phrase-word")?.len() == 24, "the phrase has 24 words");
    window.click_on("phrase-skip")
}

/// The link that the page shows.
fn invite(window: &Window) -> Result<String> {
    window.click_on("invite-create")?;
    let shown = window.wait("invite-link")?;
    let link = window.text(&shown)?;
    ensure!(link.starts_with("madang:"), "no link: {link}");
    Ok(link)
}

/// Pastes a link, looks who it is from, and asks.
fn take_invite(window: &Window, link: &str, from: &str) -> Result<()> {
    window.click_on("onboarding-paste")?;
    window.fill("paste-link", link)?;
    window.click_on("link-look")?;
    window.wait_text("link-name", from)?;
    window.click_on("friend-add-confirm")
}

/// Opens the room of this name from the list.
fn open_room(window: &Window, title: &str) -> Result<()> {
    window.click_on("rail-rooms")?;
    let row = window.wait_text("room-row", title)?;
    window.click(&row)?;
    window.wait_text("room-title", title)?;
    window.wait("composer-input").map(drop)
}

fn write(window: &Window, text: &str) -> Result<()> {
    // Typed as far as the keyboard of the driver goes; the emoji at the end comes from elsewhere.
    let emoji = text.find(|c| c > '\u{ffff}').unwrap_or(text.len());
    let (typed, picked) = text.split_at(emoji);
    window.fill("composer-input", typed)?;
    if !picked.is_empty() {
        window.insert(picked)?;
    }
    window.fill("composer-input", ENTER)?;
    window.wait_text("message", text).map(drop)
}

/// Waits until the own message stands at one of these states.
fn wait_state(window: &Window, text: &str, states: &[&str]) -> Result<String> {
    window.until(&format!("{text:?} in one of {states:?}"), || {
        for message in window.all("message")? {
            if window.text(&message).is_ok_and(|shown| shown.contains(text)) {
                let state = window.attribute(&message, "data-state")?.unwrap_or_default();
                return Ok(states.contains(&state.as_str()).then_some(state));
            }
        }
        Ok(None)
    })
}

/// The conversation with the first friend, as the command line tells it through the running desktop.
fn told(person: &Person) -> Result<Vec<Value>> {
    let friends = person.say(&["friend", "list"])?;
    let room = friends[0]["room"].as_str().context("no friend")?.to_owned();
    let messages = person.say(&["messages", &room])?;
    let messages = messages.as_array().context("the messages are no list")?;
    Ok(messages.iter().filter(|message| message["text"].is_string()).cloned().collect())
}

fn texts(messages: &[Value]) -> Vec<String> {
    messages.iter().filter_map(|message| message["text"].as_str()).map(str::to_owned).collect()
}

fn say(step: &str) {
    println!("  {step}");
}

#[test]
fn two_windows_meet_talk_and_meet_again() {
    play(None).unwrap();
}

#[test]
fn two_windows_and_a_relay_never_miss_a_message() {
    let relay = Relay::start(&[]).unwrap();
    say(&format!("A relay runs at {}", relay.addr().unwrap()));
    play(Some(&relay)).unwrap();
    assert!(relay.stop().unwrap().success());
}

/// The story; with a relay, both are away at the same time.
fn play(relay: Option<&Relay>) -> Result<()> {
    let screen = Screen::start()?;
    let notifications = Notifications::start(&screen)?;
    let alice = Person::new("Alice")?;
    let minsu = Person::new("민수")?;
    let of_alice = Desktop::open(&screen, program(), &alice, &[])?;
    let of_minsu = Desktop::open(&screen, program(), &minsu, &[])?;
    say("Two windows are open, each with a home of its own");

    onboard(of_alice.window(), "Alice", false)?;
    onboard(of_minsu.window(), "민수", true)?;
    let link = invite(of_alice.window())?;
    picture(of_alice.window(), "01-invite");
    of_alice.window().click_on("onboarding-enter")?;
    take_invite(of_minsu.window(), &link, "Alice")?;
    say("Alice has made an invite, 민수 has pasted it");

    open_room(of_alice.window(), "민수")?;
    open_room(of_minsu.window(), "Alice")?;
    say("They are friends: each sees the other's room");
    if let Some(relay) = relay {
        for window in [of_alice.window(), of_minsu.window()] {
            add_relay(window, relay.addr()?)?;
        }
        picture(of_alice.window(), "01-relay");
        open_room(of_alice.window(), "민수")?;
        open_room(of_minsu.window(), "Alice")?;
        say("Both have added the relay in their settings");
    }

    write(of_alice.window(), "안녕 민수, welcome to the yard 🌿")?;
    of_minsu.window().wait_text("message", "안녕 민수, welcome to the yard 🌿")?;
    write(of_minsu.window(), "와, 마당이다! 반가워 👋🏽")?;
    of_alice.window().wait_text("message", "와, 마당이다! 반가워 👋🏽")?;
    let state = wait_state(of_alice.window(), "안녕 민수", &["delivered", "read"])?;
    say(&format!("They write to each other; Alice's message is {state}"));
    // Notes on the screen go by themselves.
    of_minsu
        .window()
        .until("no note any more", || Ok(of_minsu.window().all("toast")?.is_empty().then_some(())))?;
    picture(of_alice.window(), "02-alice");
    picture(of_minsu.window(), "03-minsu");

    clicked_notification(&notifications, &of_alice, &of_minsu)?;
    silent_notification(&notifications, &of_alice, &of_minsu)?;

    of_minsu.quit()?;
    let text = "이건 네가 없을 때 쓴 거야 📮";
    write(of_alice.window(), text)?;
    let waits = if relay.is_some() { "relayed" } else { "sending" };
    wait_state(of_alice.window(), text, &[waits])?;
    picture(of_alice.window(), "05-away");
    say(&format!("민수's window is closed; Alice's message is {waits}"));
    let mut of_alice = Some(of_alice);
    if relay.is_some() {
        of_alice.take().context("Alice has a window")?.quit()?;
        say("Alice closes her window too: only the relay is left");
    }
    let of_minsu = Desktop::open(&screen, program(), &minsu, &[])?;
    open_room(of_minsu.window(), "Alice")?;
    of_minsu.window().wait_text("message", text)?;
    picture(of_minsu.window(), "06-back");
    say("민수 is back and has it");
    let of_alice = match of_alice {
        Some(window) => window,
        None => Desktop::open(&screen, program(), &alice, &[])?,
    };
    open_room(of_alice.window(), "민수")?;
    let state = wait_state(of_alice.window(), text, &["delivered", "read"])?;
    say(&format!("Alice's message is {state}"));

    let (here, there) = (told(&alice)?, told(&minsu)?);
    ensure!(texts(&here) == texts(&there), "the stores differ: {here:?} {there:?}");
    ensure!(here.len() == 6, "six messages were written: {here:?}");
    say("The command line, attached to the running windows, lists the same on both sides:\n");
    for message in &there {
        println!("    {}: {}", message["sender_name"].as_str().unwrap(), message["text"].as_str().unwrap());
    }
    println!();
    of_minsu.quit()?;
    of_alice.quit()
}

/// Adds a relay in the settings and waits until it is there.
fn add_relay(window: &Window, addr: &str) -> Result<()> {
    window.click_on("rail-settings")?;
    window.click_on("settings-relays")?;
    window.fill("relay-address", addr)?;
    window.click_on("relay-add")?;
    window.until("a connected relay", || {
        Ok(window.select("[data-testid='relay-row'][data-state='connected']")?.into_iter().next())
    })?;
    Ok(())
}

/// A message that 민수 does not see is announced by the system; a click on it brings its room to the front.
fn clicked_notification(notifications: &Notifications, alice: &Desktop, minsu: &Desktop) -> Result<()> {
    minsu.window().click_on("rail-settings")?;
    let text = "<보고> 싶으면 눌러 & 봐 🔔";
    write(alice.window(), text)?;
    let shown = notifications.wait("&lt;보고&gt; 싶으면 눌러 &amp; 봐 🔔")?;
    ensure!(shown.summary == "Alice", "the sender is its title: {shown:?}");
    ensure!(shown.actions.first().is_some_and(|action| action == "default"), "it can be clicked: {shown:?}");
    notifications.click(&shown)?;
    minsu.window().wait_text("room-title", "Alice")?;
    minsu.window().wait_text("message", text)?;
    picture(minsu.window(), "04-clicked");
    say("A notification told 민수 of a message; a click on it opened the room");
    Ok(())
}

/// While 민수 is not to be disturbed nothing is shown; afterwards only that something came, as he chose.
fn silent_notification(notifications: &Notifications, alice: &Desktop, minsu: &Desktop) -> Result<()> {
    let window = minsu.window();
    window.click_on("rail-settings")?;
    window.click_on("settings-notices")?;
    window.click_on("quiet-always")?;
    window.wait("quiet-off")?;
    let unheard = "아무도 몰라야 해 🤫";
    write(alice.window(), unheard)?;
    wait_state(alice.window(), unheard, &["delivered"])?;
    window.click_on("quiet-off")?;
    let choice = window.until("the least that can be said", || {
        Ok(window.select("[data-testid='notices-privacy'] [data-value='none']")?.into_iter().next())
    })?;
    window.click(&choice)?;
    window.wait("quiet-always")?;
    write(alice.window(), "이건 알려도 돼")?;
    let shown = notifications.wait("새 메시지")?;
    ensure!(shown.summary == "마당", "nobody is named: {shown:?}");
    ensure!(!notifications.heard().iter().any(|body| body.contains(unheard)), "the pause was broken");
    notifications.click(&shown)?;
    window.wait_text("message", unheard)?;
    say("민수 paused his notifications, then let them say only that something came");
    Ok(())
}

#[test]
fn a_home_that_a_node_holds_is_named_and_opens_once_it_is_free() {
    let screen = Screen::start().unwrap();
    let alice = Person::new("Alice").unwrap();
    alice.create().unwrap();
    let node = alice.run(&[]).unwrap();
    let desktop = Desktop::open(&screen, program(), &alice, &[]).unwrap();
    let fatal = desktop.window().wait("fatal").unwrap();
    assert_eq!(desktop.window().attribute(&fatal, "data-code").unwrap().as_deref(), Some("in_use"));
    picture(desktop.window(), "07-in-use");
    node.stop().unwrap();
    desktop.window().click_on("fatal-retry").unwrap();
    desktop.window().wait("rail-rooms").unwrap();
    let status = alice.say(&["status"]).unwrap();
    assert_eq!(status["name"].as_str().or(status["account"].as_str()).map(str::is_empty), Some(false));
    desktop.quit().unwrap();
    // The home was given back: a node takes it at once.
    alice.run(&[]).unwrap().stop().unwrap();
}

#[test]
fn a_window_starts_in_the_language_of_the_environment_whether_or_not_its_locale_is_installed() {
    let screen = Screen::start().unwrap();
    let minsu = Person::new("민수").unwrap();
    let desktop = Desktop::open_in("ko_KR.UTF-8", &screen, program(), &minsu, &[]).unwrap();
    let next = desktop.window().wait("onboarding-next").unwrap();
    assert_eq!(desktop.window().text(&next).unwrap(), "이 컴퓨터에 계정 만들기");
    picture(desktop.window(), "08-korean");
    desktop.quit().unwrap();
}

#[test]
fn a_second_start_hands_its_link_to_the_first_window_which_asks() {
    let screen = Screen::start().unwrap();
    let (alice, bob) = (Person::new("Alice").unwrap(), Person::new("Bob").unwrap());
    alice.create().unwrap();
    bob.create().unwrap();
    let node = alice.run(&[]).unwrap();
    let link = alice.say(&["invite", "create", "--once"]).unwrap()["link"].as_str().unwrap().to_owned();
    let desktop = Desktop::open(&screen, program(), &bob, &[]).unwrap();
    desktop.window().wait("rail-rooms").unwrap();
    let mut second = std::process::Command::new(program());
    screen.take(&mut second);
    second.arg("--home").arg(bob.home()).arg(&link);
    let mut second = second.spawn().unwrap();
    let ended = wait_until("the second start has ended", PATIENCE, || Ok(second.try_wait()?)).unwrap();
    assert!(ended.success(), "{ended}");
    desktop.window().wait("link-asked").unwrap();
    assert_eq!(bob.say(&["friend", "list"]).unwrap(), serde_json::json!([]), "a link alone does nothing");
    desktop.quit().unwrap();
    node.stop().unwrap();
}
