//! Questions. Each says what is at stake, the safe answer is the default, and where nobody can answer, ship says which
//! flag or key answers instead of waiting for ever.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use zeroize::Zeroizing;

use super::style::{Style, Tone};
use crate::diagnostic::Hint;

/// Why a question was not answered with yes.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The user said no.
    #[error("not confirmed: nothing was done")]
    Declined,
    /// Nobody is there to be asked.
    #[error("{question} needs an answer, but there is no terminal to ask on")]
    NoTerminal {
        /// What was to be asked.
        question: String,
        /// What answers it without a terminal.
        instead: String,
    },
    /// The terminal does not work.
    #[error("ask on the terminal")]
    Terminal(#[source] io::Error),
}

impl Hint for PromptError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoTerminal { instead, .. } => vec![instead.clone()],
            Self::Declined | Self::Terminal(_) => Vec::new(),
        }
    }
}

/// What questions are asked on.
pub trait Terminal: Send {
    /// Shows text and leaves the cursor behind it.
    fn show(&mut self, text: &str) -> io::Result<()>;
    /// Reads a line without its end.
    fn read_line(&mut self) -> io::Result<String>;
    /// Reads a line without showing it.
    fn read_secret(&mut self) -> io::Result<Zeroizing<String>>;
}

/// The terminal of the process: questions on standard error, answers from standard input.
struct Console(console::Term);

impl Terminal for Console {
    fn show(&mut self, text: &str) -> io::Result<()> {
        self.0.write_str(text)?;
        self.0.flush()
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match io::stdin().read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
        }
    }

    fn read_secret(&mut self) -> io::Result<Zeroizing<String>> {
        self.0.read_secure_line().map(Zeroizing::new)
    }
}

/// Asks, if there is someone to ask. Answers are waited for on the calling thread.
pub struct Prompt {
    terminal: Option<Box<dyn Terminal>>,
    style: Style,
}

/// Something that needs a yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question without its mark: `remove blog from production on web-1`.
    pub what: String,
    /// What is gone for good afterwards, one line for each; may be empty.
    pub lost: Vec<String>,
}

/// A host whose key is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// As `ship.toml` calls the host.
    pub host: String,
    /// Address and port.
    pub address: String,
    /// `ssh-ed25519`
    pub algorithm: String,
    /// `SHA256:…`
    pub fingerprint: String,
}

impl Prompt {
    /// Asks on the process's terminal if standard input and standard error are one.
    pub fn standard(style: Style) -> Self {
        let attended = io::stdin().is_terminal() && io::stderr().is_terminal();
        let terminal = attended.then(|| Box::new(Console(console::Term::stderr())) as Box<dyn Terminal>);
        Self { terminal, style }
    }

    /// Asks on a given terminal, or nobody.
    pub fn on(terminal: Option<Box<dyn Terminal>>, style: Style) -> Self {
        Self { terminal, style }
    }

    /// Whether someone can be asked.
    pub fn is_attended(&self) -> bool {
        self.terminal.is_some()
    }

    /// Asks for a yes; the default is no. Only a yes is `Ok`. Without a terminal the error names `--yes`, which the
    /// caller has looked at before.
    pub fn confirm(&mut self, question: &Question) -> Result<(), PromptError> {
        let Question { what, lost } = question;
        let mut text = String::new();
        if !lost.is_empty() {
            text.push_str(&self.style.paint(Tone::Bad, "lost for good:"));
            for line in lost {
                let _ = write!(text, "\n  {line}");
            }
            text.push('\n');
        }
        let _ = write!(text, "{what}? [y/N] ");
        let terminal = self.someone(what, "add `--yes` to go ahead without being asked")?;
        yes(terminal, &text)
    }

    /// Asks whether an unknown host key is the right one. Only `yes` in full is `Ok`, as with `ssh`.
    pub fn host_key(&mut self, key: &HostKey) -> Result<(), PromptError> {
        let HostKey { host, address, algorithm, fingerprint } = key;
        let text = format!(
            "the key of {} ({address}) is not known\n  {algorithm} {}\nis it the right one? [yes/no] ",
            self.style.paint(Tone::Name, host),
            self.style.paint(Tone::Strong, fingerprint),
        );
        let instead =
            format!("set `hosts.{host}.fingerprint = \"{fingerprint}\"` in ship.toml, if it is the right one");
        let terminal = self.someone(&format!("the unknown key of {host}"), &instead)?;
        terminal.show(&text).map_err(PromptError::Terminal)?;
        loop {
            match terminal.read_line().map_err(PromptError::Terminal)?.trim() {
                "yes" => return Ok(()),
                "no" | "n" => return Err(PromptError::Declined),
                _ => terminal.show("please type yes or no: ").map_err(PromptError::Terminal)?,
            }
        }
    }

    /// Asks for a secret without showing it: `passphrase of /home/ana/.ssh/id_ed25519`.
    pub fn secret(&mut self, what: &str) -> Result<Zeroizing<String>, PromptError> {
        let terminal = self.someone(what, "add the key to your agent with `ssh-add`")?;
        terminal.show(&format!("{what}: ")).map_err(PromptError::Terminal)?;
        terminal.read_secret().map_err(PromptError::Terminal)
    }

    fn someone(&mut self, question: &str, instead: &str) -> Result<&mut dyn Terminal, PromptError> {
        match &mut self.terminal {
            Some(terminal) => Ok(terminal.as_mut()),
            None => Err(PromptError::NoTerminal { question: question.to_owned(), instead: instead.to_owned() }),
        }
    }
}

/// `y` and `yes` are yes, all else is no, also the end of the input.
fn yes(terminal: &mut dyn Terminal, text: &str) -> Result<(), PromptError> {
    terminal.show(text).map_err(PromptError::Terminal)?;
    match terminal.read_line() {
        Ok(line) if matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") => Ok(()),
        Ok(_) => Err(PromptError::Declined),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(PromptError::Declined),
        Err(error) => Err(PromptError::Terminal(error)),
    }
}
