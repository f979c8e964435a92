//! The commands of `mote`.

use motekey_client::{Body, Client};
use motekey_coap::message::{Code, ContentFormat, Response};
use serde_json::{Value, json};

use super::arguments::{Arguments, Command, Options, Payload};
use super::{Failure, input, output, setup};

/// Runs one command to its end.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let options = &arguments.options;
    match &arguments.command {
        Command::Get { target } => request(options, Code::GET, &target.url, None).await,
        Command::Delete { target } => request(options, Code::DELETE, &target.url, None).await,
        Command::Post { target, payload } => {
            request(options, Code::POST, &target.url, Some(payload)).await
        }
        Command::Put { target, payload } => {
            request(options, Code::PUT, &target.url, Some(payload)).await
        }
        Command::Observe { target, count } => observe(options, &target.url, *count).await,
        Command::Token { target } => token(options, &target.url).await,
        Command::Status => status(options).await,
    }
}

/// Prints to standard output; a closed pipe is not an error of ours.
#[expect(
    clippy::print_stdout,
    reason = "the result of a program goes to standard output"
)]
pub(crate) fn print(text: &str) {
    println!("{text}");
}

async fn request(
    options: &Options,
    method: Code,
    url: &str,
    payload: Option<&Payload>,
) -> Result<(), Failure> {
    let body = match payload {
        Some(payload) => {
            let format = ContentFormat(payload.content_format);
            Body {
                payload: Some((format, input::payload(payload)?)),
                accept: None,
            }
        }
        None => Body::default(),
    };
    let (client, _) = setup::client(options, Some(url)).await?;
    let result = client.send(method, url, body).await;
    let answer = match &result {
        Ok(response) => json!({ "response": output::response_json(response) }),
        Err(error) => json!({ "error": error.to_string(), "fault": error.fault().name() }),
    };
    let text = match &result {
        Ok(response) => Some(output::response(response)),
        Err(_) => None,
    };
    finish(options, &client, answer, text).await;
    match result {
        Ok(response) => verdict(&response),
        Err(error) => reported(options, error),
    }
}

async fn observe(options: &Options, url: &str, count: Option<u64>) -> Result<(), Failure> {
    let (client, _) = setup::client(options, Some(url)).await?;
    let mut subscription = client.observe(url).await?;
    show(options, subscription.first());
    let mut last = subscription.first().clone();
    let mut shown = 1;
    while last.code.is_success() && count.is_none_or(|count| shown < count) {
        let next = tokio::select! {
            next = subscription.next() => next?,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(response) = next else { break };
        show(options, &response);
        last = response;
        shown += 1;
    }
    drop(subscription);
    if options.explain {
        explain(options, &client);
    }
    warn_of_cache(&client);
    client.shutdown().await;
    verdict(&last)
}

async fn token(options: &Options, url: &str) -> Result<(), Failure> {
    let (client, _) = setup::client(options, Some(url)).await?;
    match client.token(url).await {
        Ok(granted) => {
            let answer = json!({ "granted": output::granted_json(&granted) });
            finish(options, &client, answer, Some(output::granted(&granted))).await;
            Ok(())
        }
        Err(error) => {
            let answer = json!({ "error": error.to_string(), "fault": error.fault().name() });
            finish(options, &client, answer, None).await;
            reported(options, error)
        }
    }
}

async fn status(options: &Options) -> Result<(), Failure> {
    let (client, summary) = setup::client(options, None).await?;
    let result = client.connect(0).await;
    let mut text = format!(
        "authorization server  {}\nidentity              {}\n",
        summary.authorization_server, summary.identity
    );
    for resource_server in &summary.resource_servers {
        text.push_str(&format!("resource server       {resource_server}\n"));
    }
    let reached = match &result {
        Ok(peer) => format!("reached at {peer}, identity and key accepted"),
        Err(error) => error.to_string(),
    };
    text.push_str(&format!("connection            {reached}"));
    let answer = json!({
        "authorization_server": summary.authorization_server,
        "identity": summary.identity,
        "resource_servers": summary.resource_servers,
        "connected": result.is_ok(),
        "connection": reached,
    });
    finish(options, &client, answer, result.is_ok().then_some(text)).await;
    match result {
        Ok(_) => Ok(()),
        Err(error) => reported(options, error),
    }
}

/// Prints the result and, if wanted, what happened; then ends the sessions.
async fn finish(options: &Options, client: &Client, mut answer: Value, text: Option<String>) {
    if options.json {
        if let (true, Some(object)) = (options.explain, answer.as_object_mut()) {
            let mut explanation = output::explanation_json(&client.report());
            // The answer of `mote token` is the token itself.
            if let (true, Some(members)) =
                (object.contains_key("granted"), explanation.as_object_mut())
            {
                members.remove("granted");
            }
            object.insert("explanation".into(), explanation);
        }
        print(&answer.to_string());
    } else {
        if options.explain {
            print(&output::explanation(&client.report()));
            // The answer of `mote token` is the token itself.
            if text.is_none() || answer.get("granted").is_none() {
                print_granted(client);
            }
        }
        if let Some(text) = text {
            print(&text);
        }
    }
    warn_of_cache(client);
    client.shutdown().await;
}

/// The result stands; the next call has to ask for a token again.
#[expect(
    clippy::print_stderr,
    reason = "a program tells people on standard error what it could not do"
)]
fn warn_of_cache(client: &Client) {
    if let Some(error) = client.cache_failure() {
        eprintln!("mote: {error}");
    }
}

fn explain(options: &Options, client: &Client) {
    if options.json {
        print(&json!({ "explanation": output::explanation_json(&client.report()) }).to_string());
    } else {
        print(&output::explanation(&client.report()));
        print_granted(client);
    }
}

fn print_granted(client: &Client) {
    let text = output::granted_tokens(&client.report());
    if !text.is_empty() {
        print(&text);
    }
}

fn show(options: &Options, response: &Response) {
    if options.json {
        print(&output::response_json(response).to_string());
    } else {
        print(&output::response(response));
    }
}

fn verdict(response: &Response) -> Result<(), Failure> {
    if response.code.is_success() {
        Ok(())
    } else {
        Err(Failure::Refused)
    }
}

/// With `--json` the error is in the document already.
fn reported(options: &Options, error: motekey_client::Error) -> Result<(), Failure> {
    Err(if options.json {
        Failure::Reported(error.fault())
    } else {
        Failure::Client(error)
    })
}
