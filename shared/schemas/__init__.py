"""The wire: marshmallow schemas of everything that crosses a boundary. They know no database."""
