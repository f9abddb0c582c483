"""Several real providers on one machine, each on a network of its own, as the handbook sets them up.

Words: the *town* is the whole; a *house* is one provider with its process tree, data folder, certificate and name. The
town lives in namespaces that end with its process: the machine's own network is not touched. No code of the product
knows of it: it scripts the operator's commands and the public interface.
"""
