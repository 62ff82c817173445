"""The official SDKs against a running installation. A package, so that the installation lives as long as its tests."""
