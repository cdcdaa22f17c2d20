//! A command is an array of strings: program and arguments, as the container gets them. A string is refused with the
//! array spelled out, since whether a shell reads it should be seen in the file and not be guessed.

use crate::config::reader::{Complaint, Value, quoted_list};

/// Program and arguments.
pub(crate) fn command(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    if let Some(text) = value.text() {
        let hint = array_for(text).map(|words| format!("write {} = {}", value.key, written(&words)));
        return Err(
            Complaint::new("expected an array of strings (program and arguments), found a string").maybe_hint(hint)
        );
    }
    arguments(value)
}

/// Program and arguments, or one line that is cut into words as a shell does, without any of its other magic.
pub(crate) fn command_line(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    let Some(text) = value.text() else { return arguments(value) };
    if text.trim().is_empty() {
        return Err(Complaint::expected("a command", value));
    }
    match split(text) {
        Some(line) if !line.needs_shell => Ok(line.words),
        Some(_) => {
            let hint = format!("no shell reads it; for one write {} = {}", value.key, written(&in_a_shell(text)));
            Err(Complaint::new("expected a plain command, found characters that only a shell understands").hint(hint))
        }
        None => Err(Complaint::new("a quote is not closed")),
    }
}

fn arguments(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    let expected = "an array of strings (program and arguments)";
    let items = value.items().ok_or_else(|| Complaint::expected(expected, value))?;
    let mut words = Vec::new();
    for item in &items {
        let hint = item.as_text().map(|text| format!("put quotes around {text}"));
        let word = item.text().ok_or_else(|| Complaint::expected(expected, item).maybe_hint(hint))?;
        words.push(word.to_owned());
    }
    match words.first() {
        None => Err(Complaint::new(format!("expected {expected}, found an empty one"))),
        Some(program) if program.is_empty() => Err(Complaint::new("the program's name is empty")),
        Some(_) => Ok(words),
    }
}

/// The array that a string was meant to be.
fn array_for(text: &str) -> Option<Vec<String>> {
    let line = split(text)?;
    if line.needs_shell { Some(in_a_shell(text)) } else { Some(line.words).filter(|words| !words.is_empty()) }
}

fn in_a_shell(text: &str) -> Vec<String> {
    vec!["sh".to_owned(), "-c".to_owned(), text.to_owned()]
}

/// The way one would write it.
pub(crate) fn written(words: &[String]) -> String {
    quoted_list(words.iter().map(String::as_str))
}

struct Line {
    words: Vec<String>,
    needs_shell: bool,
}

/// Words between blanks, with quotes and backslashes as in a shell; `None` if a quote is left open.
fn split(text: &str) -> Option<Line> {
    let mut line = Line { words: Vec::new(), needs_shell: false };
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            c if c.is_whitespace() => line.words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => line.needs_shell |= double_quoted(&mut characters, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(characters.next()?),
            c => {
                line.needs_shell |= "|&;<>()$`".contains(c);
                word.get_or_insert_default().push(c);
            }
        }
    }
    line.words.extend(word);
    Some(line)
}

/// Up to the closing quote; whether a shell would have put something in.
fn double_quoted(characters: &mut std::str::Chars<'_>, word: &mut String) -> Option<bool> {
    let mut needs_shell = false;
    loop {
        match characters.next()? {
            '"' => return Some(needs_shell),
            '\\' => match characters.next()? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => {
                needs_shell |= "$`".contains(c);
                word.push(c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_becomes_the_array_that_was_meant() {
        for (text, array) in [
            ("bin/jobs", r#"["bin/jobs"]"#),
            ("  op read  'op://prod/my blog/token' ", r#"["op", "read", "op://prod/my blog/token"]"#),
            (r#"echo "a \"b\"" c\ d"#, r#"["echo", "a \"b\"", "c d"]"#),
            ("a && b", r#"["sh", "-c", "a && b"]"#),
            ("echo $HOME", r#"["sh", "-c", "echo $HOME"]"#),
            ("echo '$HOME' \"\"", r#"["echo", "$HOME", ""]"#),
        ] {
            assert_eq!(array_for(text).map(|words| written(&words)).as_deref(), Some(array));
        }
        assert_eq!(array_for("a 'b"), None);
        assert_eq!(array_for(" "), None);
    }
}
