//! Chromium without a window, driven over the W3C WebDriver protocol.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A browser with one page, until it is dropped.
pub(crate) struct Browser {
    driver: Child,
    session: String,
}

impl Browser {
    /// Starts ChromeDriver, which starts Chromium.
    pub(crate) fn start() -> Self {
        let install = "run tools/test-dependencies, or install the packages chromium and chromium-driver";
        let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = started.unwrap_or_else(|error| panic!("ChromeDriver: {error}: {install}"));
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            line.contains("started successfully on port")
                .then(|| line.trim_end_matches('.').rsplit(' ').next().unwrap().to_owned())
        });
        // Whatever it says later is read away, so that it is never kept waiting.
        std::thread::spawn(move || lines.for_each(drop));
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=900,1400",
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": flags } } } });
        let root = format!("http://127.0.0.1:{}/session", port.unwrap());
        let session = call(&root, Some(&wanted))["sessionId"].as_str().unwrap().to_owned();
        Self { driver, session: format!("{root}/{session}") }
    }

    fn call(&self, path: &str, body: &Value) -> Value {
        call(&format!("{}/{path}", self.session), Some(body))
    }

    /// Goes to an address.
    pub(crate) fn open(&self, url: &str) {
        self.call("url", &json!({ "url": url }));
    }

    fn element(&self, selector: &str) -> String {
        let found = self.call("element", &json!({ "using": "css selector", "value": selector }));
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        format!("element/{id}")
    }

    /// Types into a field, or chooses a file.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.call(&format!("{}/value", self.element(selector)), &json!({ "text": text }));
    }

    /// Clicks.
    pub(crate) fn click(&self, selector: &str) {
        self.call(&format!("{}/click", self.element(selector)), &json!({}));
    }

    /// The value of a JavaScript expression.
    pub(crate) fn value(&self, expression: &str) -> Value {
        self.call("execute/sync", &json!({ "script": format!("return {expression}"), "args": [] }))
    }

    /// The same as text.
    pub(crate) fn text(&self, expression: &str) -> String {
        let value = self.value(expression);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// Waits until an expression is neither false nor empty.
    pub(crate) fn wait(&self, expression: &str) {
        let started = Instant::now();
        while [json!(false), json!(null), json!("")].contains(&self.value(expression)) {
            assert!(started.elapsed() < Duration::from_secs(60), "{expression} does not come");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The screen of a phone, dark.
    pub(crate) fn be_a_phone(&self) {
        let screen = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
        let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
        for (command, params) in [("Emulation.setDeviceMetricsOverride", screen), ("Emulation.setEmulatedMedia", dark)]
        {
            self.call("goog/cdp/execute", &json!({ "cmd": command, "params": params }));
        }
    }

    /// Takes a picture of the whole page and checks that there is something on it.
    pub(crate) fn screenshot(&self, name: &str) {
        use base64::Engine;
        let params = json!({ "format": "png", "captureBeyondViewport": true });
        let taken = self.call("goog/cdp/execute", &json!({ "cmd": "Page.captureScreenshot", "params": params }));
        let image = base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(name), &image).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(image)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let pixel = reader.info().bytes_per_pixel();
        assert!(pixels.chunks(pixel).any(|p| p[..3] != pixels[..3]), "{name} is empty");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn call(url: &str, body: Option<&Value>) -> Value {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let response = agent.post(url).send_json(body).unwrap();
    let mut answer: Value = response.into_body().read_json().unwrap();
    let value = answer["value"].take();
    assert!(value.get("error").is_none(), "{url}: {value}");
    value
}
