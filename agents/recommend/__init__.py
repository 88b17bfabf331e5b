"""Where recommendations meet the rooms whose decisions they ask again; a composition root like `agents.bootstrap`."""
