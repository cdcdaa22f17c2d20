//! The patterns of OpenSSH's files: `*` for anything, `?` for one character, `!` in front to exclude.

/// Whether the pattern, without regard to case, is all of the text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().flat_map(char::to_lowercase).collect();
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let (mut at, mut seen) = (0, 0);
    // Where to go on if the text does not fit: behind the last star, one character further in the text.
    let mut retry: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, seen));
                at += 1;
            }
            Some(&c) if c == '?' || Some(&c) == text.get(seen) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((behind_star, from)) = retry else { return false };
                retry = Some((behind_star, from + 1));
                (at, seen) = (behind_star, from + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|&c| c == '*')
}

/// Whether a list of patterns takes the text: at least one that fits, and none that fits and excludes.
pub fn list_matches<'a>(patterns: impl IntoIterator<Item = &'a str>, text: &str) -> bool {
    let mut taken = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(excluded) if matches(excluded, text) => return false,
            Some(_) => {}
            None => taken |= matches(pattern, text),
        }
    }
    taken
}
