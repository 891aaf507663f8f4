"""Android phones over ADB: what is read, what is set, and what a model costs on them."""
