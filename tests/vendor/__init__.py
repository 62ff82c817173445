"""The vendors' own SDKs, unmodified, talk to the emulators: what an SDK cannot bear is no picture of its service."""
