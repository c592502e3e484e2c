//! What the chapters share: issuers, requests, and readers of answers.
