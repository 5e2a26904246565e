//! The demonstration: a relay and two people on this machine become friends and speak.
//!
//! Must not know anything but the command line's contract. Invariant: what it prints came out of the
//! receiving side's own store, never from the script below.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::network::{self, Person};
use crate::setup::{self, Packages};
use crate::workspace::Workspace;
use crate::{binaries, run};

/// How long one step may take before the demonstration gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two looks at a node.
const LOOK: Duration = Duration::from_millis(100);

/// The command `demo`. When the tree has the desktop and there is a screen, both people's windows open
/// afterwards.
///
/// # Errors
/// Fails when a build or any step of the story fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::ensure(&[Packages::Base])?;
    let relay = binaries::relay(workspace)?;
    let madang = binaries::command_line(workspace)?;
    let folder = workspace.root.join("artifacts/demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("Cannot remove the last demonstration")?;
    }
    std::fs::create_dir_all(&folder).context("Cannot make the folder of the demonstration")?;

    let (_relay, addr) = network::relay(&relay, &folder.join("relay"))?;
    println!("A relay listens at {addr}");
    let alice = Person::new("alice", &folder, &madang);
    let bob = Person::new("bob", &folder, &madang);
    conversation(&alice, &bob, &addr)?;
    if workspace.has_desktop() && run::has_screen() {
        println!("\nOpening both windows; close them to end.");
        return run::windows(workspace, &[&alice.home, &bob.home]);
    }
    println!("\nBoth homes stay in {}", folder.display());
    print_next(&folder);
    Ok(())
}

fn conversation(alice: &Person, bob: &Person, relay: &str) -> Result<()> {
    alice.create()?;
    bob.create()?;
    let _alice_node = alice.run(relay)?;
    let bob_node = bob.run(relay)?;
    println!("alice and bob run their nodes");

    let invite = alice.say(&["invite", "create", "--once"])?;
    let link = text(&invite, "link")?;
    bob.say(&["friend", "add", link])?;
    let of_alice = room_with_friend(alice)?;
    let of_bob = room_with_friend(bob)?;
    println!("bob took alice's invite: they are friends");

    alice.say(&["send", &of_alice, "Hello bob, welcome to the yard."])?;
    wait_for(bob, &of_bob, 1)?;
    bob.say(&["send", &of_bob, "안녕 alice, it is good to be here!"])?;
    wait_for(alice, &of_alice, 2)?;

    drop(bob_node);
    println!("bob is offline");
    alice.say(&["send", &of_alice, "This one waits at the relay, sealed."])?;
    let _bob_node = bob.run(relay)?;
    println!("bob is back\n");
    for message in wait_for(bob, &of_bob, 3)? {
        println!("  {:>6}: {}", text(&message, "sender_name")?, text(&message, "text")?);
    }
    Ok(())
}

fn room_with_friend(person: &Person) -> Result<String> {
    let room = patiently(&format!("{} has a friend", person.name), || {
        let friends = person.say(&["friend", "list"])?;
        let room = friends.get(0).and_then(|friend| friend["room"].as_str());
        Ok(room.map(str::to_owned))
    })?;
    Ok(room)
}

fn wait_for(person: &Person, room: &str, count: usize) -> Result<Vec<Value>> {
    patiently(&format!("{} has {count} messages", person.name), || {
        let messages = person.say(&["messages", room])?;
        let messages = messages.as_array().context("The messages are no list")?;
        let written: Vec<Value> = messages.iter().filter(|m| m["text"].is_string()).cloned().collect();
        Ok((written.len() >= count).then_some(written))
    })
}

fn patiently<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > PATIENCE {
            bail!("Waited {} s in vain until {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(LOOK);
    }
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field].as_str().with_context(|| format!("No {field} in {value}"))
}

fn print_next(folder: &Path) {
    println!(
        "Look around: MADANG_PASSPHRASE={} madang --home {}/alice run",
        network::PASSPHRASE,
        folder.display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_returns_what_is_found_and_passes_errors_on() {
        let mut looks = 0;
        let found = patiently("three looks", || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(found.unwrap(), 3);
        assert!(patiently::<()>("an error", || bail!("broken")).is_err());
    }
}
