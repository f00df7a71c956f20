//! Whether the stream speaks: a piece is a word, and without one for too long the stream is silent.
//!
//! One side listens and says what it hears; the other asks for the list while nothing is heard.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// What is heard of the stream.
#[derive(Default)]
pub(super) struct Voice(watch::Sender<Heard>);

/// Waits for what is heard.
pub(super) struct Ear(watch::Receiver<Heard>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Heard {
    /// A piece; before the first stream there is hope for one.
    #[default]
    Word,
    /// The stream has ended.
    End,
}

/// The issuer gives a sign of life every five seconds, so one of them is late. A list that is asked for now is here
/// before the strictest policy needs it.
pub(super) const QUIET: Duration = Duration::from_millis(7500);

impl Voice {
    pub(super) fn hear_word(&self) {
        self.0.send_replace(Heard::Word);
    }

    pub(super) fn hear_end(&self) {
        self.0.send_replace(Heard::End);
    }

    pub(super) fn ear(&self) -> Ear {
        Ear(self.0.subscribe())
    }
}

impl Ear {
    /// Waits until the stream has ended, or was quiet for too long.
    pub(super) async fn silence(&mut self) {
        while *self.0.borrow_and_update() == Heard::Word {
            if timeout(QUIET, self.0.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Waits for the next word, for so long at most. Answers whether there was one.
    pub(super) async fn word_within(&mut self, longest: Duration) -> bool {
        let word =
            async { while self.0.changed().await.is_ok() && *self.0.borrow_and_update() != Heard::Word {} };
        timeout(longest, word).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    async fn seconds_of(waiting: impl Future<Output = ()>) -> f64 {
        let began = Instant::now();
        waiting.await;
        began.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_silent_from_its_end_or_a_while_after_its_last_word() {
        let voice = Voice::default();
        let mut ear = voice.ear();
        let talking = async {
            for _ in 0..4 {
                sleep(Duration::from_secs(5)).await;
                voice.hear_word();
            }
        };
        let (_, silent_after) = tokio::join!(talking, seconds_of(ear.silence()));
        assert!((27.5..27.6).contains(&silent_after), "{silent_after}");
        voice.hear_word();
        let ending = async {
            sleep(Duration::from_secs(1)).await;
            voice.hear_end();
        };
        let (_, silent_after) = tokio::join!(ending, seconds_of(ear.silence()));
        assert!((1.0..1.1).contains(&silent_after), "{silent_after}");
        assert!(seconds_of(ear.silence()).await < 0.1, "it has ended, and still is");
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_new_word_ends_the_silence() {
        let voice = Voice::default();
        let mut ear = voice.ear();
        ear.silence().await;
        assert!(!ear.word_within(Duration::from_secs(5)).await, "it is quiet, not at its end");
        voice.hear_end();
        assert!(!ear.word_within(Duration::from_secs(5)).await);
        voice.hear_end();
        voice.hear_word();
        assert!(ear.word_within(Duration::from_secs(5)).await);
        voice.hear_word();
        voice.hear_end();
        assert!(!ear.word_within(Duration::from_secs(5)).await, "the word was the last one");
    }
}
