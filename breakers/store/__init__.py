"""The only rooms that know a Valkey key: circuits, contract slots, cached answers and the fleet."""
