"""The only place that knows everybody: settings, composition, HTTP, /live, the command line."""
