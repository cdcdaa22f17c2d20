//! Questions and who answers them.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use ship::diagnostic::Hint;
use ship::ui::prompt::{HostKey, Prompt, PromptError, Question, Terminal};
use ship::ui::style::Style;
use zeroize::Zeroizing;

/// A terminal at which someone types these lines, then ends the input.
struct Typist {
    shown: Arc<Mutex<String>>,
    lines: VecDeque<String>,
}

impl Terminal for Typist {
    fn show(&mut self, text: &str) -> io::Result<()> {
        self.shown.lock().unwrap().push_str(text);
        Ok(())
    }

    fn read_line(&mut self) -> io::Result<String> {
        let line = self.lines.pop_front().ok_or(io::ErrorKind::UnexpectedEof)?;
        self.show(&format!("{line}\n"))?;
        Ok(line)
    }

    fn read_secret(&mut self) -> io::Result<Zeroizing<String>> {
        self.lines.pop_front().map(Zeroizing::new).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

fn typing(lines: &[&str]) -> (Prompt, Arc<Mutex<String>>) {
    let shown = Arc::new(Mutex::new(String::new()));
    let typist = Typist { shown: Arc::clone(&shown), lines: lines.iter().map(|&line| line.to_owned()).collect() };
    (Prompt::on(Some(Box::new(typist)), Style::PLAIN), shown)
}

fn remove() -> Question {
    Question {
        what: "remove blog from production on web-1".to_owned(),
        lost: vec!["volume blog-production-storage on web-1, with all its data".to_owned()],
    }
}

fn key() -> HostKey {
    HostKey {
        host: "web-1".to_owned(),
        address: "203.0.113.7:22".to_owned(),
        algorithm: "ssh-ed25519".to_owned(),
        fingerprint: "SHA256:abc".to_owned(),
    }
}

#[test]
fn a_question_names_what_is_lost() {
    let (mut prompt, shown) = typing(&["y"]);
    prompt.confirm(&remove()).unwrap();
    insta::assert_snapshot!(shown.lock().unwrap(), @"
    lost for good:
      volume blog-production-storage on web-1, with all its data
    remove blog from production on web-1? [y/N] y
    ");
}

#[test]
fn only_a_yes_is_a_yes() {
    for (line, is_yes) in [("y", true), ("YES", true), (" yes ", true), ("", false), ("n", false), ("yeah", false)] {
        assert_eq!(typing(&[line]).0.confirm(&remove()).is_ok(), is_yes, "{line:?}");
    }
    assert!(matches!(typing(&[]).0.confirm(&remove()), Err(PromptError::Declined)));
}

#[test]
fn without_a_terminal_the_error_says_what_answers() {
    let mut prompt = Prompt::on(None, Style::PLAIN);
    assert!(!prompt.is_attended());
    let errors = [
        prompt.confirm(&remove()).unwrap_err(),
        prompt.host_key(&key()).unwrap_err(),
        prompt.secret("passphrase of /home/ana/.ssh/id_ed25519").unwrap_err(),
    ];
    let text = errors.map(|error| format!("{error}\n  hint: {}", error.hints().join("; "))).join("\n");
    insta::assert_snapshot!(text, @r#"
    remove blog from production on web-1 needs an answer, but there is no terminal to ask on
      hint: add `--yes` to go ahead without being asked
    the unknown key of web-1 needs an answer, but there is no terminal to ask on
      hint: set `hosts.web-1.fingerprint = "SHA256:abc"` in ship.toml, if it is the right one
    passphrase of /home/ana/.ssh/id_ed25519 needs an answer, but there is no terminal to ask on
      hint: add the key to your agent with `ssh-add`
    "#);
}

#[test]
fn an_unknown_host_key_needs_a_whole_yes() {
    let (mut prompt, shown) = typing(&["y", "maybe", "yes"]);
    prompt.host_key(&key()).unwrap();
    insta::assert_snapshot!(shown.lock().unwrap(), @"
    the key of web-1 (203.0.113.7:22) is not known
      ssh-ed25519 SHA256:abc
    is it the right one? [yes/no] y
    please type yes or no: maybe
    please type yes or no: yes
    ");
    assert!(matches!(typing(&["no"]).0.host_key(&key()), Err(PromptError::Declined)));
    assert!(matches!(typing(&["y"]).0.host_key(&key()), Err(PromptError::Terminal(_))));
}

#[test]
fn a_secret_is_not_shown() {
    let (mut prompt, shown) = typing(&["hunter2"]);
    assert_eq!(prompt.secret("passphrase of id_ed25519").unwrap().as_str(), "hunter2");
    assert_eq!(*shown.lock().unwrap(), "passphrase of id_ed25519: ");
}
