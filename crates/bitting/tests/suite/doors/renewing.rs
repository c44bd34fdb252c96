//! Certificates that are renewed while the server runs.

use super::{Certified, start_among};
use crate::harness::{Client, Traces};

#[tokio::test]
async fn a_renewed_certificate_is_served_after_a_reload_and_connections_that_are_open_go_on() {
    let traces = Traces::new();
    let authority = Certified::authority(&traces);
    authority.certify("own", &["old.example"]);
    authority.certify("renewed", &["new.example"]);
    let (bitting, _upstream, _bearer) = start_among(traces, "tls = { certificate = \"own.pem\", key = \"own.key\" }\n").await;
    let code = format!(
        "import os, signal, socket, ssl\n\
         context = ssl.create_default_context(cafile='authority.pem')\n\
         context.check_hostname = False\n\
         def connect():\n\
         \x20   return context.wrap_socket(socket.create_connection(('127.0.0.1', {port})), server_hostname='any.example')\n\
         def name(connection):\n\
         \x20   return connection.getpeercert()['subjectAltName'][0][1]\n\
         def get(connection):\n\
         \x20   connection.sendall(b'GET /public HTTP/1.1\\r\\nHost: any.example\\r\\n\\r\\n')\n\
         \x20   return connection.recv(65536).split(b' ')[1].decode()\n\
         kept = connect()\n\
         print(name(kept), get(kept))\n\
         os.replace('renewed.pem', 'own.pem')\n\
         os.replace('renewed.key', 'own.key')\n\
         os.kill({pid}, signal.SIGHUP)\n\
         while name(connect()) != 'new.example': pass\n\
         print(name(kept), get(kept), get(connect()))\n",
        port = bitting.gateway.port(),
        pid = bitting.pid(),
    );
    let code = format!("import os\nos.chdir({:?})\n{code}", bitting.traces.folder());
    assert_eq!(Client::Python.run(&code, &[]).await.trim(), "old.example 200\nold.example 200 200");
}
