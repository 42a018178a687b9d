//! Connections of the warden, and each of its requests on the way to the API server and back.

use std::sync::Arc;

use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use tokio::net::{TcpListener, TcpStream};

use super::Shared;
use super::faults::{self, Fault};
use super::log::{Moment, Write};
use super::request::{self, What};
use super::switches::Cut;
use super::watch::Watch;

/// An answer to the warden.
type Answer = Response<UnsyncBoxBody<Bytes, Cut>>;

/// Serves connections for as long as its runtime lives.
pub(super) async fn accept(listener: TcpListener, client: Client, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok(_) if shared.switches.get(|state| state.is_cut) => {}
            Ok((stream, _)) => {
                let generation = shared.switches.get(|state| state.generation);
                let connection = Connection { client: client.clone(), shared: Arc::clone(&shared), generation };
                tokio::spawn(connection.serve(stream));
            }
            // One that was gone before it was accepted, or a lack of files that may pass.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// What a request needs to know of its connection.
#[derive(Clone)]
struct Connection {
    client: Client,
    shared: Arc<Shared>,
    generation: u64,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let service = service_fn(|request| self.clone().answer(request));
        tokio::select! {
            // An error is a connection that was cut, by us or by the warden.
            _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service) => {}
            () = self.shared.switches.over(self.generation) => {}
        }
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Answer, Cut> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let switches = &self.shared.switches;
        switches.pass(self.generation).await?;

        // No other request passes from here to the forwarding: numbers are given in the order of forwarding.
        let mut write = None;
        if let Some(what) = What::of(&parts.method, &parts.uri) {
            let arrived = self.shared.log.arrived(what, parts.method.to_string(), parts.uri.to_string(), &body);
            if self.shared.log.stops(&arrived, Moment::Before) {
                switches.stop(arrived.clone());
                switches.pass(self.generation).await?;
            }
            write = Some(arrived);
        }
        let fault = write.as_ref().and_then(|write| self.shared.faults.strike(write.what));
        match fault {
            Some(Fault::CutBefore) => return Err(Cut),
            Some(Fault::Status(status)) => {
                let refusal = faults::refusal(StatusCode::from_u16(status).map_err(|_| Cut)?);
                return self.deliver(write, refusal.map(Bytes::from)).await;
            }
            Some(Fault::CutAfter) | None => {}
        }

        let (user_agent, watch_cuts) = switches.get(|state| (state.user_agent.clone(), state.watch_cuts));
        pass_on(&mut parts.headers);
        if let Some(user_agent) = user_agent {
            parts.headers.insert(header::USER_AGENT, user_agent);
        }
        let is_watch = request::is_watch(&parts.uri);
        let resource = request::resource(parts.uri.path()).to_owned();
        if let Some(write) = &mut write {
            write.forwarded = true;
            self.shared.log.update(write);
            if self.shared.log.stops_after(write) {
                switches.set(|state| state.is_stopping = true);
            }
        }
        let answer = self.client.send(Request::from_parts(parts, body.into())).await.map_err(|_| Cut)?;
        let (mut parts, body) = answer.into_parts();
        pass_on(&mut parts.headers);
        if is_watch && parts.status == StatusCode::OK {
            switches.pass(self.generation).await?;
            let watch = Watch::begin(body, resource, watch_cuts, Arc::clone(&self.shared));
            return Ok(Response::from_parts(parts, StreamBody::new(watch.into_stream()).boxed_unsync()));
        }
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let delivered = self.deliver(write, Response::from_parts(parts, body)).await;
        if fault == Some(Fault::CutAfter) { Err(Cut) } else { delivered }
    }

    /// Hands the warden an answer, unless this is where everything stops.
    async fn deliver(&self, write: Option<Write>, answer: Response<Bytes>) -> Result<Answer, Cut> {
        let switches = &self.shared.switches;
        if let Some(mut write) = write {
            write.status = Some(answer.status().as_u16());
            self.shared.log.update(&write);
            if self.shared.log.stops(&write, Moment::After) {
                switches.stop(write);
            }
        }
        tokio::time::sleep(switches.get(|state| state.delay)).await;
        switches.pass(self.generation).await?;
        Ok(answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()))
    }
}

/// Takes away what belongs to one connection and not to the message.
fn pass_on(headers: &mut HeaderMap) {
    for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
}
