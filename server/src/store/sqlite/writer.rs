//! The one thread that writes: what waits for it goes into one transaction.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::rows;
use crate::store::state::State;
use crate::store::{StoreError, StoreFuture};

/// Most changes in one transaction.
const BATCH: usize = 256;

/// Changes the state and the file alike. An error of SQLite undoes the whole transaction.
type Job = Box<dyn FnOnce(&mut State, &Connection) -> Result<Answer, rusqlite::Error> + Send>;

/// Tells the caller how it went, when the transaction has ended.
type Answer = Box<dyn FnOnce(Result<(), &StoreError>) + Send>;

/// Takes changes. The thread ends when this is dropped, after all that it was given.
///
/// As many jobs wait as there are requests in work, which the driver bounds.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, state: Arc<Mutex<State>>) -> io::Result<Self> {
        let (jobs, receiver) = channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || work(connection, &state, &receiver))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Has a change made. It is made also if nobody waits for the answer any more.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut State, &Connection) -> Result<Result<T, StoreError>, rusqlite::Error>
        + Send
        + 'static,
    ) -> StoreFuture<'static, T> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |state, connection| {
            let outcome = change(state, connection)?;
            Ok(Box::new(move |written: Result<(), &StoreError>| {
                let _ = sender.send(match written {
                    Ok(()) => outcome,
                    Err(error) => Err(error.clone()),
                });
            }))
        });
        let taken = self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(job).is_ok());
        Box::pin(async move {
            let stopped = || StoreError::Unavailable("the data file was not written".to_owned());
            if !taken {
                return Err(stopped());
            }
            receiver.await.unwrap_or_else(|_| Err(stopped()))
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(mut connection: Connection, state: &Mutex<State>, jobs: &Receiver<Job>) {
    // False while memory may hold what the file does not.
    let mut sound = true;
    while let Ok(first) = jobs.recv() {
        let batch: Vec<Job> = std::iter::once(first)
            .chain(jobs.try_iter().take(BATCH - 1))
            .collect();
        let mut answers = Vec::with_capacity(batch.len());
        let outcome = match sound {
            true => Ok(()),
            false => restore(&connection, state),
        };
        let outcome = outcome.and_then(|()| write(&mut connection, state, batch, &mut answers));
        let outcome = outcome.map_err(|error| {
            tracing::error!(%error, "the data file was not written");
            sound = restore(&connection, state).is_ok();
            StoreError::Unavailable(format!("the data file was not written: {error}"))
        });
        sound |= outcome.is_ok();
        for answer in answers {
            answer(outcome.as_ref().copied());
        }
    }
}

fn write(
    connection: &mut Connection,
    state: &Mutex<State>,
    batch: Vec<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in batch {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push(job(&mut state, &transaction)?);
    }
    transaction.commit()
}

/// Puts what the file holds in the place of what memory holds.
fn restore(connection: &Connection, state: &Mutex<State>) -> Result<(), rusqlite::Error> {
    let mut kept = rows::load(connection)?;
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = |error: crate::registry::RegistryError| {
        rusqlite::Error::ToSqlConversionFailure(error.to_string().into())
    };
    kept.take_registry(&state).map_err(refused)?;
    *state = kept;
    Ok(())
}
