//! Messages, client and server of `orders.proto`, in the form in which tonic-prost-build makes
//! them. Checked in, so that nobody needs `protoc`.

#![allow(missing_docs, reason = "generated")]

#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ListRequest {}

#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ListReply {
    #[prost(string, repeated, tag = "1")]
    pub orders: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
}

#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct PlaceRequest {
    #[prost(string, tag = "1")]
    pub order: ::prost::alloc::string::String,
}

#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct PlaceReply {
    #[prost(string, tag = "1")]
    pub placed_by: ::prost::alloc::string::String,
}

pub mod orders_client {
    use tonic::codegen::*;

    #[derive(Debug, Clone)]
    pub struct OrdersClient<T> {
        inner: tonic::client::Grpc<T>,
    }

    impl<T> OrdersClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {
        pub fn new(inner: T) -> Self {
            Self { inner: tonic::client::Grpc::new(inner) }
        }

        pub async fn list(
            &mut self,
            request: impl tonic::IntoRequest<super::ListRequest>,
        ) -> std::result::Result<tonic::Response<super::ListReply>, tonic::Status> {
            self.inner.ready().await.map_err(|e| {
                tonic::Status::unknown(format!("Service was not ready: {}", e.into()))
            })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/shop.Orders/List");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("shop.Orders", "List"));
            self.inner.unary(req, path, codec).await
        }

        pub async fn place(
            &mut self,
            request: impl tonic::IntoRequest<super::PlaceRequest>,
        ) -> std::result::Result<tonic::Response<super::PlaceReply>, tonic::Status> {
            self.inner.ready().await.map_err(|e| {
                tonic::Status::unknown(format!("Service was not ready: {}", e.into()))
            })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/shop.Orders/Place");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("shop.Orders", "Place"));
            self.inner.unary(req, path, codec).await
        }
    }
}

pub mod orders_server {
    use tonic::{codegen::*, server::UnaryService};

    #[async_trait]
    pub trait Orders: std::marker::Send + std::marker::Sync + 'static {
        async fn list(
            &self,
            request: tonic::Request<super::ListRequest>,
        ) -> std::result::Result<tonic::Response<super::ListReply>, tonic::Status>;

        async fn place(
            &self,
            request: tonic::Request<super::PlaceRequest>,
        ) -> std::result::Result<tonic::Response<super::PlaceReply>, tonic::Status>;
    }

    #[derive(Debug)]
    pub struct OrdersServer<T> {
        inner: Arc<T>,
    }

    impl<T> OrdersServer<T> {
        pub fn new(inner: T) -> Self {
            Self { inner: Arc::new(inner) }
        }
    }

    impl<T, B> Service<http::Request<B>> for OrdersServer<T>
    where
        T: Orders,
        B: Body + std::marker::Send + 'static,
        B::Error: Into<StdError> + std::marker::Send + 'static,
    {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<Self::Response, Self::Error>;

        fn poll_ready(
            &mut self,
            _cx: &mut Context<'_>,
        ) -> Poll<std::result::Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, req: http::Request<B>) -> Self::Future {
            match req.uri().path() {
                "/shop.Orders/List" => {
                    struct ListSvc<T: Orders>(pub Arc<T>);
                    impl<T: Orders> UnaryService<super::ListRequest> for ListSvc<T> {
                        type Response = super::ListReply;
                        type Future = BoxFuture<tonic::Response<Self::Response>, tonic::Status>;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ListRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            Box::pin(async move { <T as Orders>::list(&inner, request).await })
                        }
                    }
                    let method = ListSvc(Arc::clone(&self.inner));
                    Box::pin(async move {
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec);
                        Ok(grpc.unary(method, req).await)
                    })
                }
                "/shop.Orders/Place" => {
                    struct PlaceSvc<T: Orders>(pub Arc<T>);
                    impl<T: Orders> UnaryService<super::PlaceRequest> for PlaceSvc<T> {
                        type Response = super::PlaceReply;
                        type Future = BoxFuture<tonic::Response<Self::Response>, tonic::Status>;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::PlaceRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            Box::pin(async move { <T as Orders>::place(&inner, request).await })
                        }
                    }
                    let method = PlaceSvc(Arc::clone(&self.inner));
                    Box::pin(async move {
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec);
                        Ok(grpc.unary(method, req).await)
                    })
                }
                _ => Box::pin(async move {
                    Ok(tonic::Status::unimplemented("no such method").into_http())
                }),
            }
        }
    }

    impl<T> Clone for OrdersServer<T> {
        fn clone(&self) -> Self {
            Self { inner: Arc::clone(&self.inner) }
        }
    }

    impl<T> tonic::server::NamedService for OrdersServer<T> {
        const NAME: &'static str = "shop.Orders";
    }
}
