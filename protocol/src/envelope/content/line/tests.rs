use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread::ThreadId,
    time::{Duration, Instant},
};

use super::*;

const SIZES: Sizes = Sizes { taken: 4, made: 5 };

/// Puts a chunk's index before its bytes.
fn numbered(index: u64, chunk: &[u8], room: &mut [u8]) -> Result<usize, EnvelopeError> {
    room[0] = index as u8;
    room[1..=chunk.len()].copy_from_slice(chunk);
    Ok(1 + chunk.len())
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| at as u8).collect()
}

/// What `numbered` makes of a stream.
fn expected(stream: &[u8]) -> Vec<u8> {
    let chunks = stream.chunks_exact(4);
    let last = chunks.remainder();
    chunks.chain([last]).enumerate().flat_map(|(index, chunk)| [&[index as u8], chunk].concat()).collect()
}

const PACES: [Pace; 6] = [
    Pace { threads: 1, alone: 0, batch: 3 },
    Pace { threads: 2, alone: 0, batch: 1 },
    Pace { threads: 2, alone: 2, batch: 3 },
    Pace { threads: 3, alone: 1, batch: 2 },
    Pace { threads: 8, alone: 0, batch: 1 },
    Pace { threads: 0, alone: 1, batch: 1 },
];

type Changing = fn(u64, &[u8], &mut [u8]) -> Result<usize, EnvelopeError>;

/// Brings a stream through the line in every way: what came of it, and what was written.
fn ways<R: Read + Send, W: Write + Send>(
    work: Changing,
    source: impl Fn() -> R,
    sink: impl Fn() -> W,
) -> Vec<(Result<u64, DecryptError>, W)> {
    let mut ways = Vec::new();
    let mut to = sink();
    ways.push((Line::new(SIZES, Box::new(work), source(), &mut to).alone(), to));
    for pace in PACES {
        let mut to = sink();
        ways.push((Line::new(SIZES, Box::new(work), source(), &mut to).together(pace), to));
    }
    ways
}

/// Gives a few bytes at a time, is interrupted in between, and fails behind its bytes if it is told to.
struct Halting<'a> {
    bytes: &'a [u8],
    reads: usize,
    fails: bool,
}

impl Read for Halting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = (self.reads % 7).min(self.bytes.len()).min(buffer.len());
        if count == 0 && self.fails {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = if self.bytes.is_empty() { 0 } else { count.max(1) };
        buffer[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

/// Fails instead of taking more than so many bytes.
struct Narrow {
    taken: Vec<u8>,
    room: usize,
}

impl Write for Narrow {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.room - self.taken.len());
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.taken.extend(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_way_makes_the_same_in_the_same_order() {
    for length in 0..90 {
        let stream = bytes(length);
        let halting = || Halting { bytes: &stream, reads: 0, fails: false };
        for (outcome, written) in
            ways(numbered, || &stream[..], Vec::new).into_iter().chain(ways(numbered, halting, Vec::new))
        {
            assert!(written == expected(&stream), "{length}: {written:?}");
            assert_eq!(outcome.unwrap(), written.len() as u64);
        }
    }
}

#[test]
fn the_order_does_not_depend_on_who_is_first() {
    let stream = bytes(200);
    // The earlier of each four is the later to be done.
    let work = |index: u64, chunk: &[u8], room: &mut [u8]| {
        thread::sleep(Duration::from_micros(300 * (3 - index % 4)));
        numbered(index, chunk, room)
    };
    for (outcome, written) in ways(work, || &stream[..], Vec::new) {
        outcome.unwrap();
        assert!(written == expected(&stream));
    }
}

#[test]
fn nothing_is_written_after_the_first_refused_chunk() {
    let stream = bytes(78);
    let refusing = |index: u64, chunk: &[u8], room: &mut [u8]| {
        // Also one that is refused later, or in the same batch.
        let refused = index >= 7 && index != 8;
        if refused { Err(EnvelopeError::Refused) } else { numbered(index, chunk, room) }
    };
    for (outcome, written) in ways(refusing, || &stream[..], Vec::new) {
        assert!(matches!(outcome, Err(DecryptError::Refused(EnvelopeError::Refused))), "{outcome:?}");
        assert!(written == expected(&stream)[..7 * 5], "{written:?}");
    }
}

#[test]
fn a_source_that_fails_ends_it_behind_the_last_whole_chunk() {
    for length in 0..60 {
        let stream = bytes(length);
        for (outcome, written) in ways(numbered, || Halting { bytes: &stream, reads: 0, fails: true }, Vec::new) {
            let Err(DecryptError::Io(error)) = outcome else { panic!("{length}: {outcome:?}") };
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
            // It gives nothing at every seventh read, so it may fail before its bytes are at their end.
            assert_eq!(written.len() % 5, 0);
            assert!(expected(&stream).starts_with(&written), "{length}: {written:?}");
        }
    }
    let stream = bytes(30);
    for (_, written) in ways(numbered, || stream.chain(Halting { bytes: &[], reads: 0, fails: true }), Vec::new) {
        assert!(written == expected(&stream)[..7 * 5], "{written:?}");
    }
}

#[test]
fn a_sink_that_fails_ends_it() {
    let stream = bytes(83);
    let all = expected(&stream);
    for room in 0..all.len() {
        for (outcome, sink) in ways(numbered, || &stream[..], || Narrow { taken: Vec::new(), room }) {
            let Err(DecryptError::Io(error)) = outcome else { panic!("{room}: {outcome:?}") };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            assert!(sink.taken == all[..room], "{room}: {:?}", sink.taken);
        }
    }
}

#[test]
fn a_sink_that_can_not_keep_what_it_took_ends_it() {
    struct Forgetting;
    impl Write for Forgetting {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    for (outcome, _) in ways(numbered, || &[1; 30][..], || Forgetting) {
        assert!(matches!(outcome, Err(DecryptError::Io(error)) if error.kind() == io::ErrorKind::StorageFull));
    }
}

/// Notes who reads.
struct Noting<'a> {
    bytes: &'a [u8],
    readers: &'a Mutex<Vec<ThreadId>>,
}

impl Read for Noting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.readers.lock().unwrap().push(thread::current().id());
        self.bytes.read(buffer)
    }
}

#[test]
fn so_many_threads_work_at_once_and_none_for_a_small_content() {
    let pace = Pace { threads: 3, alone: 2, batch: 1 };
    let others_for = |length: usize, work: Work| {
        let (stream, readers) = (bytes(length), Mutex::new(Vec::new()));
        Line::new(SIZES, work, Noting { bytes: &stream, readers: &readers }, io::sink()).together(pace).unwrap();
        readers.into_inner().unwrap().iter().any(|reader| *reader != thread::current().id())
    };
    assert!(!others_for(7, Box::new(numbered)), "two chunks, the second one short");
    // The three chunks behind those that the caller does alone wait for each other.
    let met = Arc::new(AtomicUsize::new(0));
    let meeting = move |index, chunk: &[u8], room: &mut [u8]| {
        if (2..5).contains(&index) {
            met.fetch_add(1, SeqCst);
            let asked = Instant::now();
            while met.load(SeqCst) < 3 {
                assert!(asked.elapsed() < Duration::from_secs(60), "they are not worked on at once");
                thread::yield_now();
            }
        }
        numbered(index, chunk, room)
    };
    assert!(others_for(40, Box::new(meeting)));
}

#[test]
fn no_more_is_on_its_way_than_the_threads_hold() {
    struct Counting<'a>(&'a AtomicUsize);
    impl Read for Counting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(40_000 - self.0.load(SeqCst));
            self.0.fetch_add(count, SeqCst);
            Ok(count)
        }
    }
    struct Slow<'a> {
        read: &'a AtomicUsize,
        written: usize,
        most: usize,
    }
    impl Write for Slow<'_> {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            if self.written < 200 {
                thread::sleep(Duration::from_millis(5));
            }
            self.most = self.most.max(self.read.load(SeqCst) - self.written);
            self.written += buffer.len();
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let read = AtomicUsize::new(0);
    let mut sink = Slow { read: &read, written: 0, most: 0 };
    let copy = |_, chunk: &[u8], room: &mut [u8]| {
        room[..chunk.len()].copy_from_slice(chunk);
        Ok(chunk.len())
    };
    let pace = Pace { threads: 3, alone: 0, batch: 2 };
    let line = Line::new(Sizes { taken: 4, made: 4 }, Box::new(copy), Counting(&read), &mut sink);
    assert_eq!(line.together(pace).unwrap(), 40_000);
    assert!(sink.most <= 3 * 2 * 4, "{} bytes were on their way", sink.most);
}

#[test]
fn a_panic_reaches_the_caller_and_nobody_waits_for_ever() {
    /// Panics at its tenth call.
    struct Brittle(u32);
    impl Brittle {
        fn call(&mut self, count: usize) -> io::Result<usize> {
            self.0 += 1;
            assert!(self.0 < 10, "on purpose");
            Ok(count)
        }
    }
    impl Read for Brittle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.call(buffer.len())
        }
    }
    impl Write for Brittle {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            self.call(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for pace in PACES {
        let work: Work = Box::new(|index, chunk, room| {
            assert!(index != 10, "on purpose");
            numbered(index, chunk, room)
        });
        let source = Line::new(SIZES, Box::new(numbered), Brittle(0), io::sink());
        let sink = Line::new(SIZES, Box::new(numbered), io::repeat(1), Brittle(0));
        let work = Line::new(SIZES, work, io::repeat(1), io::sink());
        assert!(catch_unwind(AssertUnwindSafe(|| source.together(pace))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| sink.together(pace))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| work.together(pace))).is_err());
    }
}
