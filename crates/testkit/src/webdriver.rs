//! A small W3C WebDriver client, enough to drive the desktop in its own engine: find, type, click,
//! read, take a picture. It speaks to `WebKitWebDriver`.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Key under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// A call that takes longer has hung.
const CALL: Duration = Duration::from_secs(60);

/// A window under test.
pub struct Window {
    agent: ureq::Agent,
    session: String,
}

/// An element of the page.
#[derive(Debug, Clone)]
pub struct Element(String);

impl Window {
    /// Starts `binary` through the driver that listens on `port`.
    pub fn open(port: u16, binary: &Path, args: &[&str]) -> Result<Self> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(CALL))
            .http_status_as_error(false)
            .build()
            .into();
        let options = json!({ "binary": binary, "args": args });
        let body = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": options } } });
        let base = format!("http://127.0.0.1:{port}");
        let answer = call(&agent, "POST", &format!("{base}/session"), Some(&body))?;
        let id = answer["sessionId"].as_str().context("The driver gave no session")?;
        Ok(Self { agent, session: format!("{base}/session/{id}") })
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        call(&self.agent, method, &format!("{}{path}", self.session), body)
    }

    /// Loads an address.
    pub fn go(&self, address: &str) -> Result<()> {
        self.call("POST", "/url", Some(&json!({ "url": address })))?;
        Ok(())
    }

    /// Makes the page this large, in CSS pixels.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        // What stands around the page belongs to the window and not to the page.
        let mut rect = json!({ "x": 0, "y": 0, "width": width, "height": height });
        self.call("POST", "/window/rect", Some(&rect))?;
        let inside = self.run("return [innerWidth, innerHeight]")?;
        for (name, wanted, got) in [("width", width, &inside[0]), ("height", height, &inside[1])] {
            let got = u32::try_from(got.as_u64().unwrap_or_default()).unwrap_or(wanted);
            rect[name] = json!(wanted + wanted.saturating_sub(got));
        }
        self.call("POST", "/window/rect", Some(&rect))?;
        Ok(())
    }

    /// Runs a script that answers by calling its last argument.
    pub fn run_async(&self, script: &str) -> Result<Value> {
        self.call("POST", "/execute/async", Some(&json!({ "script": script, "args": [] })))
    }

    /// Types where the focus is.
    pub fn keys(&self, text: &str) -> Result<()> {
        let active = self.call("GET", "/element/active", None)?;
        let id = active[ELEMENT].as_str().context("Nothing has the focus")?;
        self.type_into(&Element(id.to_owned()), text)
    }

    /// Elements with this test id.
    pub fn all(&self, test_id: &str) -> Result<Vec<Element>> {
        self.select(&format!("[data-testid='{test_id}']"))
    }

    /// Elements that a CSS selector finds.
    pub fn select(&self, css: &str) -> Result<Vec<Element>> {
        let found =
            self.call("POST", "/elements", Some(&json!({ "using": "css selector", "value": css })))?;
        let list = found.as_array().context("Elements are a list")?;
        Ok(list.iter().filter_map(|e| e[ELEMENT].as_str()).map(|id| Element(id.to_owned())).collect())
    }

    /// Waits for the first element with this test id.
    pub fn wait(&self, test_id: &str) -> Result<Element> {
        self.until(&format!("element {test_id}"), || Ok(self.all(test_id)?.into_iter().next()))
    }

    /// Waits until an element with this test id shows `text`.
    pub fn wait_text(&self, test_id: &str, text: &str) -> Result<Element> {
        self.until(&format!("{test_id} with {text:?}"), || {
            for element in self.all(test_id)? {
                // The page may have replaced it meanwhile: then the next round finds its successor.
                if self.text(&element).is_ok_and(|found| found.contains(text)) {
                    return Ok(Some(element));
                }
            }
            Ok(None)
        })
    }

    /// Asks again until there is an answer, for at most 30 s.
    pub fn until<T>(&self, what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(found) = ask()? {
                return Ok(found);
            }
            if Instant::now() > end {
                let page = self.run("return document.body.innerText").unwrap_or_default();
                bail!("Did not see {what} in time; the page shows: {page}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Visible text of an element.
    pub fn text(&self, element: &Element) -> Result<String> {
        let text = self.call("GET", &format!("/element/{}/text", element.0), None)?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// An attribute of an element.
    pub fn attribute(&self, element: &Element, name: &str) -> Result<Option<String>> {
        let value = self.call("GET", &format!("/element/{}/attribute/{name}", element.0), None)?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// A property of an element, for example the `value` of an input.
    pub fn property(&self, element: &Element, name: &str) -> Result<Value> {
        self.call("GET", &format!("/element/{}/property/{name}", element.0), None)
    }

    /// Role that assistive technology is told.
    pub fn role(&self, element: &Element) -> Result<String> {
        let role = self.call("GET", &format!("/element/{}/computedrole", element.0), None)?;
        Ok(role.as_str().unwrap_or_default().to_owned())
    }

    /// Name that assistive technology is told.
    pub fn label(&self, element: &Element) -> Result<String> {
        let label = self.call("GET", &format!("/element/{}/computedlabel", element.0), None)?;
        Ok(label.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks an element.
    pub fn click(&self, element: &Element) -> Result<()> {
        self.call("POST", &format!("/element/{}/click", element.0), Some(&json!({})))?;
        Ok(())
    }

    /// Waits for an element and clicks it.
    pub fn click_on(&self, test_id: &str) -> Result<()> {
        let element = self.wait(test_id)?;
        self.click(&element)
    }

    /// Types into an element.
    pub fn type_into(&self, element: &Element, text: &str) -> Result<()> {
        self.call("POST", &format!("/element/{}/value", element.0), Some(&json!({ "text": text })))?;
        Ok(())
    }

    /// Waits for an element and types into it.
    pub fn fill(&self, test_id: &str, text: &str) -> Result<()> {
        let element = self.wait(test_id)?;
        self.type_into(&element, text)
    }

    /// Puts text where the cursor stands, as a picker of emoji does: the driver's keyboard has no key for
    /// characters above U+FFFF.
    pub fn insert(&self, text: &str) -> Result<()> {
        let done = self.run(&format!("return document.execCommand('insertText', false, {})", json!(text)))?;
        if done != true {
            bail!("Nothing on the page takes text");
        }
        Ok(())
    }

    /// Runs a script in the page.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.call("POST", "/execute/sync", Some(&json!({ "script": script, "args": [] })))
    }

    /// Saves a picture of the page, as it is once everything that it shows now is drawn.
    pub fn picture(&self, file: &Path) -> Result<()> {
        // The screenshot is of the last frame; the second frame from now has been drawn after this call.
        let drawn =
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
        self.run_async(drawn)?;
        let image = self.call("GET", "/screenshot", None)?;
        let text = image.as_str().context("The picture is text")?;
        let bytes = data_encoding::BASE64.decode(text.as_bytes()).context("The picture is base64")?;
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, bytes).with_context(|| format!("Cannot write {}", file.display()))
    }

    /// Closes the window and ends the session.
    pub fn close(self) -> Result<()> {
        self.call("DELETE", "", None)?;
        Ok(())
    }
}

fn call(agent: &ureq::Agent, method: &str, url: &str, body: Option<&Value>) -> Result<Value> {
    let context = || format!("{method} {url}");
    let mut answer = match (method, body) {
        ("POST", Some(body)) => agent.post(url).send_json(body),
        ("DELETE", _) => agent.delete(url).call(),
        _ => agent.get(url).call(),
    }
    .with_context(context)?;
    let status = answer.status();
    let value: Value = answer.body_mut().with_config().limit(64 << 20).read_json().with_context(context)?;
    if !status.is_success() {
        bail!("{}: {}", context(), value["value"]["message"].as_str().unwrap_or("no message"));
    }
    Ok(value["value"].clone())
}
