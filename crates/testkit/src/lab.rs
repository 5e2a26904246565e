//! A small network of its own: hosts behind one switch, apart from this machine. It needs no privilege beyond user
//! namespaces.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{Process, wait_until};

/// How long a namespace may take to come to be.
const PATIENCE: Duration = Duration::from_secs(10);
/// Name of the switch inside the lab.
const SWITCH: &str = "switch";

/// The network. Dropping it ends everything in it.
#[derive(Debug)]
pub struct Lab {
    root: Process,
    hosts: u8,
}

/// A host in a lab: a network of its own, joined to the switch.
#[derive(Debug)]
pub struct Host {
    holder: Process,
    addr: String,
}

impl Lab {
    /// A network with a switch and nobody on it.
    ///
    /// # Errors
    /// When the system gives no namespaces.
    pub fn new() -> Result<Self> {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--mount", "--", "sh", "-c"]);
        let root = Process::start(command.arg("echo ready; exec sleep infinity"))?;
        held(&root)?;
        let lab = Self { root, hosts: 0 };
        lab.ip(&["link", "add", "name", SWITCH, "type", "bridge"])?;
        lab.ip(&["link", "set", SWITCH, "up"])?;
        Ok(lab)
    }

    /// Adds a host; the first one has the address 10.77.0.1, the next 10.77.0.2.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn host(&mut self) -> Result<Host> {
        self.hosts = self.hosts.checked_add(1).filter(|hosts| *hosts < 255).context("the lab is full")?;
        let number = self.hosts;
        let mut command = inside(self.root.pid());
        command.args(["unshare", "--net", "--", "sh", "-c", "echo ready; exec sleep infinity"]);
        let holder = Process::start(&mut command)?;
        held(&holder)?;
        let host = Host { holder, addr: format!("10.77.0.{number}") };
        let (near, far) = (format!("port{number}"), format!("up{number}"));
        let pid = host.holder.pid().to_string();
        self.ip(&["link", "add", "name", &near, "type", "veth", "peer", "name", &far, "netns", &pid])?;
        self.ip(&["link", "set", &near, "master", SWITCH, "up"])?;
        host.ip(&["link", "set", "lo", "up"])?;
        host.ip(&["addr", "add", &format!("{}/24", host.addr), "dev", &far])?;
        host.ip(&["link", "set", &far, "up", "multicast", "on"])?;
        host.ip(&["route", "add", "default", "dev", &far])?;
        Ok(host)
    }

    /// Pulls the cable of the host with this address, or plugs it in.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn plug(&self, host: &Host, plugged: bool) -> Result<()> {
        let number = host.addr.rsplit('.').next().unwrap_or_default();
        self.ip(&["link", "set", &format!("port{number}"), if plugged { "up" } else { "down" }])
    }

    /// Puts a small disk of its own at `place`, which only commands of the lab see; `size` as `mount` takes it (`4m`).
    ///
    /// # Errors
    /// When the system refuses.
    pub fn disk(&self, place: &Path, size: &str) -> Result<()> {
        std::fs::create_dir_all(place)?;
        let size = format!("size={size},mode=700");
        run(inside(self.root.pid()).args(["mount", "-t", "tmpfs", "-o", &size, "disk"]).arg(place))
    }

    /// How to get in, beside the hosts and with no network but a loopback: a command to which a program is added.
    pub fn entrance(&self) -> Command {
        inside(self.root.pid())
    }

    /// Whether a shell script ends well in the lab; for example one that fills a disk.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn script(&self, script: &str) -> Result<bool> {
        let mut command = inside(self.root.pid());
        command.args(["sh", "-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.status().with_context(|| script.to_owned())?.success())
    }

    fn ip(&self, args: &[&str]) -> Result<()> {
        run(inside(self.root.pid()).arg("ip").args(args))
    }
}

impl Host {
    /// Its address.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// How to get in: a command to which a program is added.
    pub fn entrance(&self) -> Command {
        inside(self.holder.pid())
    }

    /// A command that runs on this host.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = inside(self.holder.pid());
        command.arg(program);
        command
    }

    /// Lets nothing out of the host any more, or everything again; what comes to it still arrives.
    ///
    /// # Errors
    /// When nftables is not installed.
    pub fn mute(&self, muted: bool) -> Result<()> {
        let rules = if muted {
            "add table inet mute; add chain inet mute out { type filter hook output priority 0; policy drop; }"
        } else {
            "delete table inet mute"
        };
        run(self.command("nft").arg(rules))
    }

    /// Waits until the system of a muted host has given up what a killed process has left behind: it would still
    /// deliver the last words of the process, which a machine without power does not.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn bury(&self) -> Result<()> {
        // After one repetition instead of eight, which would take minutes.
        run(self.command("sh").args(["-c", "echo 1 > /proc/sys/net/ipv4/tcp_orphan_retries"]))?;
        wait_until("the last connections of the dead are gone", PATIENCE, || {
            let mut command = self.command("ss");
            let open = command.args(["-Htan", "state", "connected"]).stdin(Stdio::null()).output()?;
            anyhow::ensure!(open.status.success(), "{}", String::from_utf8_lossy(&open.stderr));
            Ok(open.stdout.is_empty().then_some(()))
        })
    }

    fn ip(&self, args: &[&str]) -> Result<()> {
        run(self.command("ip").args(args))
    }
}

/// Enters the namespaces of a process; what is run takes the place of `nsenter`, so signals reach it.
fn inside(pid: u32) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--target={pid}")).args([
        "--user",
        "--net",
        "--mount",
        "--preserve-credentials",
        "--",
    ]);
    command
}

fn held(holder: &Process) -> Result<()> {
    wait_until("the namespace is there", PATIENCE, || match holder.line(Duration::from_millis(100)) {
        Ok(_) => Ok(Some(())),
        Err(crate::LineEnd::Late) => Ok(None),
        Err(crate::LineEnd::Closed) => bail!("no namespaces here: {}", holder.log()),
    })
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a byte gets from one host to another over TCP.
    fn reaches(from: &Host, to: &Host, port: u16) -> bool {
        let listen = format!(
            "import socket; s = socket.create_server((\"{}\", {port})); print(1, flush=True); s.settimeout(2); s.accept()",
            to.addr()
        );
        let listener = Process::start(to.command("python3").args(["-c", &listen])).unwrap();
        listener.line(PATIENCE).unwrap();
        let call = format!("import socket; socket.create_connection((\"{}\", {port}), 1)", to.addr());
        from.command("python3").args(["-c", &call]).stderr(Stdio::null()).status().unwrap().success()
    }

    #[test]
    fn hosts_reach_each_other_until_a_cable_is_pulled() {
        let mut lab = Lab::new().unwrap();
        let (alice, bob) = (lab.host().unwrap(), lab.host().unwrap());
        assert_eq!((alice.addr(), bob.addr()), ("10.77.0.1", "10.77.0.2"));
        assert!(reaches(&alice, &bob, 4001));
        lab.plug(&bob, false).unwrap();
        assert!(!reaches(&alice, &bob, 4002));
        lab.plug(&bob, true).unwrap();
        wait_until("the switch forwards again", PATIENCE, || Ok(reaches(&alice, &bob, 4003).then_some(())))
            .unwrap();
    }

    /// Whether a datagram that says nothing but `port` gets from one host to another.
    fn tells(from: &Host, to: &Host, port: u16) -> bool {
        let listen = format!(
            "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind((\"{}\", {port})); print(1, flush=True); \
             s.settimeout(1); s.recv(9); print(2, flush=True)",
            to.addr()
        );
        let listener = Process::start(to.command("python3").args(["-c", &listen])).unwrap();
        listener.line(PATIENCE).unwrap();
        let speak = format!(
            "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b\"{port}\", (\"{}\", {port}))",
            to.addr()
        );
        // A muted host tells the speaker that it may not.
        from.command("python3").args(["-c", &speak]).stderr(Stdio::null()).status().unwrap();
        listener.line(PATIENCE).is_ok()
    }

    #[test]
    fn a_muted_host_hears_and_says_nothing() {
        let mut lab = Lab::new().unwrap();
        let (alice, bob) = (lab.host().unwrap(), lab.host().unwrap());
        assert!(tells(&alice, &bob, 4001) && tells(&bob, &alice, 4001));
        bob.mute(true).unwrap();
        assert!(tells(&alice, &bob, 4002) && !tells(&bob, &alice, 4002));
        bob.mute(false).unwrap();
        assert!(tells(&bob, &alice, 4003));
    }

    #[test]
    fn a_muted_host_buries_the_connections_of_the_dead() {
        let mut lab = Lab::new().unwrap();
        let (alice, bob) = (lab.host().unwrap(), lab.host().unwrap());
        let listen = "import socket; s = socket.create_server((\"10.77.0.1\", 4001)); print(1, flush=True); \
                      c, _ = s.accept(); print(2, flush=True); print(c.recv(9), flush=True)";
        let listener = Process::start(alice.command("python3").args(["-c", listen])).unwrap();
        listener.line(PATIENCE).unwrap();
        let speak = "import signal, socket; signal.signal(signal.SIGUSR1, lambda *_: None); \
                     c = socket.create_connection((\"10.77.0.1\", 4001)); print(1, flush=True); signal.pause(); \
                     c.send(b\"late\"); print(2, flush=True); signal.pause()";
        let speaker = Process::start(bob.command("python3").args(["-c", speak])).unwrap();
        speaker.line(PATIENCE).unwrap();
        listener.line(PATIENCE).unwrap();
        bob.mute(true).unwrap();
        speaker.signal(rustix::process::Signal::USR1).unwrap();
        speaker.line(PATIENCE).unwrap();
        // Its last word is with the system now, which would say it again and again.
        speaker.kill().unwrap();
        bob.bury().unwrap();
        bob.mute(false).unwrap();
        assert_eq!(listener.line(Duration::from_secs(2)), Err(crate::LineEnd::Late));
    }
}
