// Shows the OpenAPI document of this server with Swagger UI, in the colours that the person's system has.

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  domNode: document.getElementById("document"),
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  // A request that is tried out is made with the session cookie of whoever is logged in here.
  tryItOutEnabled: false,
  validatorUrl: null,
});
