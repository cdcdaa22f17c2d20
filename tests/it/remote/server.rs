//! An OpenSSH server of the test's own, on a port of this machine, and whoever connects to it.

#![expect(clippy::disallowed_methods, reason = "the server is a program, and its user is in the environment")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ship::config::Host;
use ship::name::HostName;
use ship::remote::access::{Access, HostKeyAnswer, HostKeyQuestion, Questions};
use ship::remote::connect::ConnectError;
use ship::remote::session::Session;
use ship::remote::ssh_config::{LocalUser, Source};
use zeroize::Zeroizing;

/// The server's program; `scripts/test` installs it.
const SSHD: &str = "/usr/sbin/sshd";

/// Runs a program that must succeed, and answers what it printed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a key pair; an empty passphrase encrypts nothing.
pub(crate) fn make_key(path: &Path, kind: &str, passphrase: &str) {
    let _ = fs::remove_file(path);
    run("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", path.to_str().unwrap()]);
}

/// `SHA256:…` of a key file, in the words of OpenSSH.
pub(crate) fn fingerprint(path: &Path) -> String {
    let line = run("ssh-keygen", &["-l", "-f", path.to_str().unwrap()]);
    line.split_whitespace().nth(1).unwrap().to_owned()
}

/// A program that is ended with the test.
pub(crate) struct Program(pub(crate) Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The server. Its directory is also the home of whoever connects, so nothing of this machine's user is touched.
pub(crate) struct Server {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) port: u16,
    program: Program,
}

impl Server {
    /// With lines of `sshd_config` in front; `None` where OpenSSH's server is not installed.
    pub(crate) fn start(settings: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(home.join(".ssh")).unwrap();
        make_key(&home.join("host_ed25519"), "ed25519", "");
        make_key(&home.join("host_ecdsa"), "ecdsa", "");
        make_key(&home.join(".ssh/id_ed25519"), "ed25519", "");
        fs::copy(home.join(".ssh/id_ed25519.pub"), home.join("authorized_keys")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "{settings}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_ed25519\nHostKey {0}/host_ecdsa\n\
             AuthorizedKeysFile {0}/authorized_keys\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\nUseDNS no\n",
            home.display()
        );
        fs::write(home.join("sshd_config"), config).unwrap();
        // Where the server puts those who are not logged in yet, if it runs as root.
        let _ = fs::create_dir_all("/run/sshd");
        let program = Self::spawn(home);
        let server = Self { directory, port, program };
        server.wait();
        Some(server)
    }

    fn spawn(home: &Path) -> Program {
        let mut command = Command::new(SSHD);
        command.arg("-D").arg("-E").arg(home.join("sshd.log")).arg("-f").arg(home.join("sshd_config"));
        Program(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn wait(&self) {
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not start: {}", fs::read_to_string(self.path("sshd.log")).unwrap_or_default());
    }

    /// Ends the server and starts it again, with whatever its files say now.
    pub(crate) fn restart(&mut self) {
        let _ = self.program.0.kill();
        let _ = self.program.0.wait();
        self.program = Self::spawn(self.directory.path());
        self.wait();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn local_user(&self) -> LocalUser {
        LocalUser { name: "tester".to_owned(), home: self.directory.path().to_owned(), agent: None }
    }

    /// The host as `ship.toml` would have it, pinned.
    pub(crate) fn host(&self) -> Host {
        Host {
            address: "127.0.0.1".to_owned(),
            user: Some(run("id", &["-un"]).trim().to_owned()),
            port: Some(self.port),
            fingerprint: Some(fingerprint(&self.path("host_ed25519.pub"))),
        }
    }

    /// The same, known by nobody.
    pub(crate) fn unknown_host(&self) -> Host {
        Host { fingerprint: None, ..self.host() }
    }

    pub(crate) fn access(&self, config: &str, person: &Arc<Person>) -> Access {
        let source = Source { path: self.path(".ssh/config"), text: config.to_owned() };
        Access::with_sources(self.local_user(), vec![source], person.clone())
    }

    /// Connects without any question.
    pub(crate) async fn session(&self) -> Session {
        let access = self.access("", &Person::silent());
        connect(&access, &self.host()).await.unwrap_or_else(|error| panic!("{}", chain(&error)))
    }
}

pub(crate) async fn connect(access: &Access, host: &Host) -> Result<Session, ConnectError> {
    let name: HostName = "web-1".parse().unwrap();
    Session::connect(access, &name, host).await
}

/// An error with its sources, as the screen says it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Someone in front of the terminal, or nobody.
pub(crate) struct Person {
    pub(crate) answer: HostKeyAnswer,
    pub(crate) passphrases: Vec<&'static str>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Person {
    pub(crate) fn new(answer: HostKeyAnswer, passphrases: &[&'static str]) -> Arc<Self> {
        Arc::new(Self { answer, passphrases: passphrases.to_vec(), asked: Mutex::default() })
    }

    pub(crate) fn silent() -> Arc<Self> {
        Self::new(HostKeyAnswer::Nobody, &[])
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Questions for Person {
    async fn host_key(&self, question: &HostKeyQuestion) -> HostKeyAnswer {
        self.asked.lock().unwrap().push(format!("{} {} {}", question.host, question.kind, question.fingerprint));
        self.answer
    }

    async fn passphrase(&self, key: &Path, again: u32) -> Option<Zeroizing<String>> {
        self.asked.lock().unwrap().push(format!("{} {again}", key.file_name().unwrap().to_str().unwrap()));
        self.passphrases.get(again as usize).map(|&text| Zeroizing::new(text.to_owned()))
    }
}
