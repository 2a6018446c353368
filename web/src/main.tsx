import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import { begin } from "./address";
import { App } from "./app";
import { listen } from "./keys";
import { failure } from "./state";
import "./style.css";

render(<App />, document.getElementById("app")!);
listen();
begin().catch((error: Error) => (failure.value = error.message));
