import { watch } from "./live.js";

// The address of the page is that of the endpoint, whatever path a proxy has put before it.
watch(document.getElementById("live"), location.pathname);
