//! gzip on all processors: the data is cut into pieces of a fixed size, each of which becomes a gzip member of its own
//! (RFC 1952, section 2.2: members follow each other without anything between). The bytes do not depend on the number
//! of processors. gzip, because Docker 20.10 loads nothing newer.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Large enough that starting afresh at each piece costs nothing (32 KiB of history), small enough for several in
/// memory.
const PIECE: usize = 1 << 20;

/// zlib's own default: on the links that ship is made for, bytes cost more than processor time.
const LEVEL: u32 = 6;

/// Bytes as one gzip member.
pub(in crate::local) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// A piece, and where its compressed form goes.
type Job = (Vec<u8>, Sender<Vec<u8>>);

/// Threads that compress. They end when the last compressor is dropped.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    jobs: Sender<Job>,
    count: usize,
}

impl Workers {
    /// One for each processor.
    pub(super) fn start() -> Self {
        let count = thread::available_parallelism().map_or(1, usize::from).min(16);
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let queue = Arc::clone(&queue);
            thread::spawn(move || work(&queue));
        }
        Self { jobs, count }
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().map(|queue| queue.recv());
        let Ok(Ok((piece, reply))) = job else { return };
        // Nobody waits any more: the read was given up.
        let _ = reply.send(gzip(&piece));
    }
}

/// Writes what it is given, compressed and in order.
#[derive(Debug)]
pub(super) struct Compressor<W: Write> {
    workers: Workers,
    piece: Vec<u8>,
    /// Pieces that are being compressed, oldest first: never many, whoever is slower.
    waiting: VecDeque<Receiver<Vec<u8>>>,
    out: W,
}

impl<W: Write> Compressor<W> {
    pub(super) fn new(workers: &Workers, out: W) -> Self {
        Self { workers: workers.clone(), piece: Vec::with_capacity(PIECE), waiting: VecDeque::new(), out }
    }

    /// Writes the rest and gives the writer back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.piece.is_empty() {
            self.send()?;
        }
        while !self.waiting.is_empty() {
            self.receive()?;
        }
        Ok(self.out)
    }

    fn send(&mut self) -> io::Result<()> {
        let (reply, receiver) = channel();
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.workers.jobs.send((piece, reply)).map_err(io::Error::other)?;
        self.waiting.push_back(receiver);
        if self.waiting.len() > 2 * self.workers.count {
            self.receive()?;
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        match self.waiting.pop_front() {
            Some(receiver) => self.out.write_all(&receiver.recv().map_err(io::Error::other)?),
            None => Ok(()),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE - self.piece.len();
        let (taken, _) = bytes.split_at(room.min(bytes.len()));
        self.piece.extend_from_slice(taken);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
