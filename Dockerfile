FROM node:20-bookworm-slim AS web
WORKDIR /src
COPY web/package.json web/package-lock.json web/
RUN npm --prefix web ci
COPY web web
COPY src/Api/schema.graphql src/Api/schema.graphql
RUN npm --prefix web run build

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS server
WORKDIR /src
COPY . .
COPY --from=web /src/src/Api/wwwroot src/Api/wwwroot
RUN dotnet publish src/Api -c Release -o /app && dotnet publish src/Witness -c Release -o /witness

# A witness runs elsewhere, from an image that has nothing else in it.
FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS witness
WORKDIR /app
COPY --from=server /witness .
ENTRYPOINT ["dotnet", "Mumega.Witness.dll"]

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=server /app .
ENTRYPOINT ["dotnet", "Mumega.Api.dll"]
