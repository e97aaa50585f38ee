"""The tests: one file a module, plus those of the architecture, the sites that are built, the browser and the docs."""
