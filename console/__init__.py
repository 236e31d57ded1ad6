"""The organiser's side: pages, forms and the sheets that go in and out."""
