//! Whether there is colour, and what it means. The decision is a function of values that the caller read from its
//! environment; the palette stays readable on black and on white, and no meaning is carried by colour alone.

/// What the decisions about the screen depend on, read once at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The variable `NO_COLOR`.
    pub no_color: Option<String>,
    /// The variable `CLICOLOR_FORCE`.
    pub clicolor_force: Option<String>,
    /// The variable `TERM`.
    pub term: Option<String>,
    /// The variable `CI`.
    pub ci: Option<String>,
    /// Standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Standard error is a terminal.
    pub stderr_is_terminal: bool,
}

impl Surroundings {
    /// How results look, on standard output.
    pub fn stdout(&self) -> Style {
        self.style(self.stdout_is_terminal)
    }

    /// How messages and progress look, on standard error.
    pub fn stderr(&self) -> Style {
        self.style(self.stderr_is_terminal)
    }

    /// Whether lines may be drawn over again on standard error: a terminal that can do it, and no log of a CI.
    pub fn can_redraw(&self) -> bool {
        self.stderr_is_terminal && !self.is_dumb() && !is_set(self.ci.as_deref())
    }

    /// <https://no-color.org> wins over <https://bixense.com/clicolors>, and both over what the terminal can do.
    fn style(&self, is_terminal: bool) -> Style {
        let color = if is_set(self.no_color.as_deref()) {
            false
        } else if is_set(self.clicolor_force.as_deref()) {
            true
        } else {
            is_terminal && !self.is_dumb()
        };
        Style { color }
    }

    fn is_dumb(&self) -> bool {
        self.term.as_deref() == Some("dumb")
    }
}

/// A variable counts as set if it says something; `CLICOLOR_FORCE=0` says no.
fn is_set(variable: Option<&str>) -> bool {
    variable.is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
}

/// How text is written: with colour or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    color: bool,
}

/// What a piece of text means. Its colour follows from it, and the words say the same without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went well, it agrees.
    Good,
    /// It failed, it disagrees.
    Bad,
    /// It needs attention, it cannot be taken back.
    Warn,
    /// A thing that the user named: a host, a release, a command to type.
    Name,
    /// What a block is about.
    Strong,
    /// Less important than what is around it.
    Quiet,
    /// One of several sources of lines, told apart by their number.
    Source(usize),
}

impl Style {
    /// No colour.
    pub const PLAIN: Self = Self { color: false };

    /// Colour, wherever it goes to.
    pub const COLORED: Self = Self { color: true };

    /// The text, painted by its meaning.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let style = console::Style::new().force_styling(true);
        let style = match tone {
            Tone::Good => style.green(),
            Tone::Bad => style.red().bold(),
            Tone::Warn => style.magenta(),
            Tone::Name => style.cyan(),
            Tone::Strong => style.bold(),
            Tone::Quiet => style.dim(),
            Tone::Source(index) => source(style, index),
        };
        style.apply_to(text).to_string()
    }
}

/// Six looks that are neither yellow, white nor black, and not the red of a failure.
fn source(style: console::Style, index: usize) -> console::Style {
    match index % 6 {
        0 => style.cyan(),
        1 => style.magenta(),
        2 => style.green(),
        3 => style.cyan().bold(),
        4 => style.magenta().bold(),
        _ => style.green().bold(),
    }
}

/// A line of foreign output without what would disturb the screen: escape sequences and control characters are left
/// out, a tab is a space, and of a line that was drawn over again (`\r`) only the last state counts.
pub fn printable(line: &str) -> String {
    let plain = console::strip_ansi_codes(line);
    let last = plain.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    last.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}
