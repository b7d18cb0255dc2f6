"""Names of Keras 2 and 3 and what to use here (`names`), and near spellings (`near`)."""
