//! Takes events from anywhere in the program and hands them to exactly one display. Telling is synchronous: an engine
//! that is faster than its screen waits for it, and nothing is lost.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::bars::Bars;
use super::json::event::Stream;
use super::lines::Lines;
use super::model::View;
use super::style::{Style, Surroundings};
use crate::event::Event;

/// How often a display may draw although nothing happened: spans grow, and what hangs is mentioned.
const TICK: Duration = Duration::from_millis(100);

/// Which display.
pub enum Mode {
    /// Bars on the terminal of standard error.
    Bars(Style),
    /// Plain lines.
    Lines(Box<dyn Write + Send>, Style),
    /// One JSON object for each event.
    Json(Box<dyn Write + Send>),
    /// Nothing; the view is still kept.
    Silent,
}

impl Mode {
    /// What the user expects: JSON on standard output if asked for, else bars or lines on standard error.
    pub fn choose(json: bool, surroundings: &Surroundings) -> Self {
        match (json, surroundings.can_redraw()) {
            (true, _) => Self::Json(Box::new(std::io::stdout())),
            (false, true) => Self::Bars(surroundings.stderr()),
            (false, false) => Self::Lines(Box::new(std::io::stderr()), surroundings.stderr()),
        }
    }
}

/// The one place that events go to. It is shared by reference between threads.
pub struct Reporter {
    shared: Arc<Mutex<Shared>>,
    ticker: Option<Ticker>,
}

struct Shared {
    view: View,
    display: Display,
    start: Instant,
}

enum Display {
    Bars(Bars),
    Lines(Lines),
    Json(Stream),
    Silent,
}

/// Draws while nothing happens. It ends when the sender is dropped.
struct Ticker {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Reporter {
    /// A reporter whose clock starts now.
    pub fn new(mode: Mode) -> Self {
        let display = match mode {
            Mode::Bars(style) => Display::Bars(Bars::new(style)),
            Mode::Lines(writer, style) => Display::Lines(Lines::new(writer, style)),
            Mode::Json(writer) => Display::Json(Stream::new(writer)),
            Mode::Silent => Display::Silent,
        };
        let ticks = matches!(display, Display::Bars(_) | Display::Lines(_));
        let shared = Arc::new(Mutex::new(Shared { view: View::default(), display, start: Instant::now() }));
        let ticker = ticks.then(|| Ticker::start(Arc::clone(&shared))).flatten();
        Self { shared, ticker }
    }

    /// Takes in one event and shows it.
    pub fn tell(&self, event: &Event) {
        lock(&self.shared).event(event);
    }

    /// Shows a message that is not part of the work: a warning, who holds a lease.
    pub fn note(&self, text: &str) {
        let mut shared = lock(&self.shared);
        let at = shared.start.elapsed();
        match &mut shared.display {
            Display::Bars(bars) => bars.note(text),
            Display::Lines(lines) => lines.note(text),
            Display::Json(stream) => stream.note(text, at),
            Display::Silent => {}
        }
    }

    /// Clears what was only for the moment and gives what there was to see: for `--timings` and for the failure.
    pub fn finish(mut self) -> View {
        self.close();
        std::mem::take(&mut lock(&self.shared).view)
    }

    fn close(&mut self) {
        if let Some(Ticker { stop, thread }) = self.ticker.take() {
            drop(stop);
            // It can only have ended by a panic, which it has reported itself.
            let _ = thread.join();
        }
        match &mut lock(&self.shared).display {
            Display::Bars(bars) => bars.finish(),
            Display::Lines(lines) => lines.finish(),
            Display::Json(_) | Display::Silent => {}
        }
    }
}

impl Drop for Reporter {
    /// Leaves no half-drawn frame behind, whatever the way out.
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn event(&mut self, event: &Event) {
        let Self { view, display, start } = self;
        let at = start.elapsed();
        view.apply(event, at);
        match display {
            Display::Bars(bars) => bars.event(event, view, at),
            Display::Lines(lines) => lines.event(event, view, at),
            Display::Json(stream) => stream.event(event, at),
            Display::Silent => {}
        }
    }

    fn tick(&mut self) {
        let at = self.start.elapsed();
        match &mut self.display {
            Display::Bars(bars) => bars.tick(&self.view, at),
            Display::Lines(lines) => lines.tick(&self.view, at),
            Display::Json(_) | Display::Silent => {}
        }
    }
}

impl Ticker {
    /// Without a thread to spare, the display is drawn at events only.
    fn start(shared: Arc<Mutex<Shared>>) -> Option<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let draw = move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                lock(&shared).tick();
            }
        };
        let thread = std::thread::Builder::new().name("screen".to_owned()).spawn(draw).ok()?;
        Some(Self { stop, thread })
    }
}

/// A panic elsewhere is no reason to stop showing.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
