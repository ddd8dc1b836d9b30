//! The page: one HTML file with its style and script inside. What may run is fixed by digests in the security policy, so that
//! nothing else does, whatever an upload says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const HTML: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The file.
pub(crate) fn html() -> String {
    HTML.replace("/*style*/", STYLE).replace("/*script*/", SCRIPT)
}

/// Its content security policy.
pub(crate) fn policy() -> String {
    let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        digest(SCRIPT),
        digest(STYLE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_runs_nothing_else() {
        let html = html();
        assert!(html.contains(&format!("<script>{SCRIPT}</script>")));
        assert!(html.contains(&format!("<style>{STYLE}</style>")));
        for elsewhere in ["src=\"http", "href=\"http", "@import", "onclick=", "style=\"", "innerHTML", "eval("] {
            assert!(!html.contains(elsewhere), "{elsewhere}");
        }
        assert_eq!(policy().matches("sha256-").count(), 2);
    }
}
